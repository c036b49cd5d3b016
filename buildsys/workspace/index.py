"""The file index: what was learnt of files whose stat is unchanged, so that they aren't read again.

Format of `.bs/index`: a magic line with the version of this format and of Python (marshal's differs),
a line with the xxh3 of the rest in hex, then marshal of `((paths, stats, digests), facts)`. It's a memory,
not a truth: with any damage or doubt it is empty, and files are hashed again. xxh3 guards against bit rot
only; digests are SHA-256.
"""

import contextlib
import marshal
import os
import sys
from dataclasses import dataclass, field

import xxhash

from buildsys.answers import RACY_NS, WIDTH, Stat, changed_ns
from buildsys.model.digest import Digest, hex_of

_MAGIC = f"buildsys index 2 {sys.implementation.cache_tag}\n".encode()


@dataclass(slots=True)
class FileIndex:
    """Rows and facts by path and content; `path` names the index file, "" keeps nothing on disk."""

    path: str
    _rows: dict[str, tuple[Stat, Digest]] = field(default_factory=dict)
    _facts: dict[tuple[str, str], object] = field(default_factory=dict)
    _used: set[tuple[str, str]] = field(default_factory=set)
    _now_ns: int = 0
    _changed: bool = False

    @staticmethod
    def load(path: str) -> "FileIndex":
        index = FileIndex(path)
        with contextlib.suppress(OSError, ValueError, TypeError, EOFError):
            with open(path, "rb") as file:
                magic, checksum, payload = file.readline(), file.readline(), file.read()
            if magic == _MAGIC and checksum.strip() == _checksum(payload):
                columns, index._facts = marshal.loads(payload)  # noqa: S302 - checked above
                index._rows = _rows_of(*columns)
        return index

    def digest(self, path: str, stat: Stat) -> Digest | None:
        """The digest of a file whose stat is as it was, else None."""
        row = self._rows.get(path)
        return row[1] if row is not None and row[0] == stat else None

    def learn(self, path: str, stat: Stat, digest: Digest) -> None:
        """Remember a digest, unless the file is too young for its stat to be trusted."""
        if changed_ns(stat) + RACY_NS <= self.begun_ns():
            self._rows[path] = (stat, digest)
            self._changed = True
        elif self._rows.pop(path, None):
            self._changed = True

    def fact(self, reader: str, digest: Digest) -> tuple[object] | None:
        """What `reader` found in this content, wrapped, as what it found may be None."""
        self._used.add((reader, digest))
        if (reader, digest) in self._facts:
            return (self._facts[reader, digest],)
        return None

    def learn_fact(self, reader: str, digest: Digest, value: object) -> None:
        self._facts[reader, digest] = value
        self._changed = True

    def save(self) -> None:
        """Write the index if it has anything new. Failing costs time the next time, nothing else."""
        if not self._changed or not self.path:
            return
        facts = {key: self._facts[key] for key in self._used if key in self._facts}
        temporary = f"{self.path}.tmp-{os.getpid()}"
        with contextlib.suppress(OSError, ValueError):
            payload = marshal.dumps((_columns_of(self._rows), facts))
            os.makedirs(os.path.dirname(self.path), exist_ok=True)
            with open(temporary, "wb") as file:
                file.write(_MAGIC + _checksum(payload) + b"\n" + payload)
            os.replace(temporary, self.path)
            self._changed = False

    def begun_ns(self) -> int:
        """The file system's clock, read once and before the first file: ages err to the young side."""
        if not self._now_ns:
            self._now_ns = _file_system_now(os.path.dirname(self.path)) or 1
        return self._now_ns


def _columns_of(rows: dict[str, tuple[Stat, Digest]]) -> tuple[tuple[str, ...], bytes, bytes]:
    stats = b"".join([stat for stat, _ in rows.values()])
    digests = bytes.fromhex("".join([hex_of(digest) for _, digest in rows.values()]))
    return tuple(rows), stats, digests


def _rows_of(
    paths: tuple[str, ...], stats: bytes, digests: bytes
) -> dict[str, tuple[Stat, Digest]]:
    hexes = digests.hex()
    return {
        path: (
            stats[row * WIDTH : (row + 1) * WIDTH],
            Digest(f"sha256:{hexes[row * 64 : row * 64 + 64]}"),
        )
        for row, path in enumerate(paths)
    }


def _checksum(payload: bytes) -> bytes:
    return xxhash.xxh3_64_hexdigest(payload).encode()


def _file_system_now(folder: str) -> int | None:
    """What the file system takes for now: the time stamp it gives to a file that is written."""
    probe = os.path.join(folder, "clock")
    with contextlib.suppress(OSError):
        os.makedirs(folder, exist_ok=True)
        with open(probe, "wb") as file:
            file.write(b"\n")
        return os.stat(probe).st_mtime_ns
    return None
