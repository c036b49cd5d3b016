"""Sealing: input files become one deterministic tar, checked against the manifest while it is packed.

The bytes that were hashed are the bytes that are built. BuildKit's own transfer of local files compares
time and size only, and builds stale files (moby/buildkit#2592, #4817, #5680).
"""

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

from buildsys.errors import BuildFileError, InputChanged, Location
from buildsys.model.action import CONSTANT_TIME
from buildsys.model.files import NAME_ONLY
from buildsys.workspace.tree import state_now


@dataclass(frozen=True, slots=True)
class DiskSealer:
    """Packs files of one checkout; see the port `Sealer`."""

    root: str

    def pack(self, inputs: Mapping[str, str], derived: Mapping[str, str], into: BinaryIO) -> None:
        with tarfile.open(fileobj=into, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for folder in _folders(inputs):
                tar.addfile(_member(folder, tarfile.DIRTYPE, 0o755))
            for path in sorted(inputs):
                if path in derived:
                    _add_regular(tar, path, derived[path].encode(), executable=False)
                else:
                    self._add(tar, path, inputs[path])

    def _add(self, tar: tarfile.TarFile, path: str, wanted: str) -> None:
        if wanted == NAME_ONLY:
            tar.addfile(_member(path, tarfile.REGTYPE, 0o644))
            return
        try:
            state, content = state_now(self.root, path)
        except BuildFileError as error:
            raise InputChanged(error.message, at=Location(path)) from None
        if str(state) != wanted:
            raise InputChanged("changed during the build", at=Location(path))
        if state.link is not None:
            member = _member(path, tarfile.SYMTYPE, 0o777)
            member.linkname = state.link
            tar.addfile(member)
            return
        _add_regular(tar, path, content, executable=state.executable)


def _add_regular(tar: tarfile.TarFile, path: str, content: bytes, *, executable: bool) -> None:
    member = _member(path, tarfile.REGTYPE, 0o755 if executable else 0o644)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def _folders(paths: Mapping[str, str]) -> list[str]:
    found: set[str] = set()
    for path in paths:
        parts = path.split("/")[:-1]
        found.update("/".join(parts[: depth + 1]) for depth in range(len(parts)))
    return sorted(found)


def _member(path: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(path)
    member.type = kind
    member.mode = mode
    member.mtime = CONSTANT_TIME
    return member
