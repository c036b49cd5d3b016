"""A source tree made of a dict: what analysis and loading see of a workspace, without a disk."""

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from buildsys.errors import BuildFileError, Location
from buildsys.model.sources import FactReader

T = TypeVar("T")


class DictTree:
    """Implements `SourceTree` over path → text, and records what is read."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = dict(files)
        self.reads: list[str] = []
        """Paths whose text was read or given to a reader, in order."""
        self._facts: dict[tuple[str, str], Any] = {}

    def files_below(self, folder: str) -> tuple[str, ...]:
        prefix = f"{folder}/" if folder else ""
        return tuple(sorted(path for path in self.files if path.startswith(prefix)))

    def files_in(self, folder: str) -> tuple[str, ...]:
        prefix = f"{folder}/" if folder else ""
        names = (path.removeprefix(prefix) for path in self.files_below(folder))
        return tuple(sorted(name for name in names if "/" not in name))

    def is_file(self, path: str) -> bool:
        return path in self.files

    def text(self, path: str) -> str:
        self.reads.append(path)
        if path not in self.files:
            raise BuildFileError("there is no such file", at=Location(path))
        return self.files[path]

    def facts(self, path: str, reader: FactReader[T]) -> T:
        """Like the real tree: one reading per content and reader, whatever the path."""
        if path not in self.files:
            raise BuildFileError("there is no such file", at=Location(path))
        known = (reader.name, self.files[path])
        if known not in self._facts:
            self._facts[known] = reader.read(self.text(path))
        return cast("T", self._facts[known])
