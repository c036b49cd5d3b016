"""Which Python distribution a file belongs to, by the RECORD files of an image.

Format: packaging.python.org, specifications/recording-installed-packages.
"""

import csv
import re
from dataclasses import dataclass, field

_RECORD = re.compile(r"(?P<site>.*)/(?P<name>[^/]+)-(?P<version>[^/-]+)\.dist-info/RECORD")
_CACHED = re.compile(r"(?P<folder>.*/)__pycache__/(?P<module>[^/.]+)\.[^/]*\.pyc")


@dataclass(slots=True)
class Distributions:
    """Learns from RECORD files, and then knows the owner of each path."""

    _owners: dict[str, str] = field(default_factory=dict)

    def read(self, path: str, content: bytes) -> None:
        """Take note of a file if it is a RECORD."""
        found = _RECORD.fullmatch(path)
        if found is None:
            return
        owner = f"{found['name']} {found['version']}"
        for row in csv.reader(content.decode("utf-8", errors="replace").splitlines()):
            if row:
                self._owners[_normal(f"{found['site']}/{row[0]}")] = owner

    def owner(self, path: str) -> str | None:
        """`name version`; byte code belongs to who has the module, whoever compiled it."""
        known = self._owners.get(path)
        cached = _CACHED.fullmatch(path) if known is None else None
        return self._owners.get(f"{cached['folder']}{cached['module']}.py") if cached else known


def _normal(path: str) -> str:
    """Without `..`: scripts are recorded as `../../../bin/name`."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return "/".join(parts)
