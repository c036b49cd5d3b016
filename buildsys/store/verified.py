"""The memory of blobs that were found whole: for each, its stat signature at that time.

A file of lines `digest size mtime ctime inode`, to which every process appends; the last line of a digest
counts. Nothing in it is needed: a line that is lost, cut or wrong costs hashing the blob once more.
"""

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field

from buildsys.errors import BuildsysError
from buildsys.store import durable
from buildsys.store.locks import locked

Signature = tuple[int, int, int, int]
"""Size, mtime, ctime (ns) and inode."""

_SPARE_LINES = 1000
"""Outdated lines that are kept: below that, rewriting costs more than reading them."""


def signature(path: str) -> Signature | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return signature_of(found)


def signature_of(found: os.stat_result) -> Signature:
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


@dataclass(slots=True)
class VerifiedBlobs:
    """What the file at `path` says; `exists` tells whether a digest's blob is still there."""

    path: str
    exists: Callable[[str], bool]
    _known: dict[str, Signature] | None = field(default=None)

    def get(self, digest: str) -> Signature | None:
        return self._signatures().get(digest)

    def remember(self, digest: str, found: Signature) -> None:
        """For this process at once, and for others where the file can be written."""
        self._signatures()[digest] = found
        with (
            contextlib.suppress(OSError, BuildsysError),
            locked(self.path + ".lock"),
            open(self.path, "ab") as file,
        ):
            # A line break first: a line that another process left unfinished spoils only itself.
            file.write(f"\n{_line(digest, found)}\n".encode())

    def _signatures(self) -> dict[str, Signature]:
        if self._known is None:
            lines = (durable.read(self.path) or b"").split(b"\n")
            self._known = _parsed(lines)
            if len(lines) > 3 * len(self._known) + _SPARE_LINES:
                self.compact()
        return self._known

    def compact(self) -> None:
        """Forget what is outdated, and the blobs that are gone."""
        with contextlib.suppress(OSError, BuildsysError), locked(self.path + ".lock"):
            latest = _parsed((durable.read(self.path) or b"").split(b"\n"))
            lines = [_line(d, found) for d, found in latest.items() if self.exists(d)]
            durable.write(self.path, "\n".join([*lines, ""]).encode())


def _line(digest: str, found: Signature) -> str:
    return " ".join((digest, *map(str, found)))


def _parsed(lines: list[bytes]) -> dict[str, Signature]:
    known: dict[str, Signature] = {}
    for line in lines:
        if line:
            with contextlib.suppress(ValueError):
                digest, size, mtime, ctime, inode = line.split(b" ")
                known[digest.decode()] = (int(size), int(mtime), int(ctime), int(inode))
    return known
