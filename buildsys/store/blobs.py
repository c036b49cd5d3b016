"""Blobs in OCI layout, and the memory of which of them were found whole.

`blobs/sha256/HEX` holds the bytes, `verified.json` for each the stat signature that it had when its content
was last known to be right, so that a no-op build needs only to stat. Anything else is hashed again.
"""

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from buildsys.errors import BuildsysError
from buildsys.model.action import Blob
from buildsys.model.digest import Digest, ImageDigest, hex_of
from buildsys.store import durable

Signature = tuple[int, int, int, int]
"""Size, mtime, ctime (ns) and inode."""


def signature(path: str) -> Signature | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def hash_file(path: str) -> Digest:
    with open(path, "rb") as file:
        return Digest("sha256:" + hashlib.file_digest(file, "sha256").hexdigest())


@dataclass(slots=True)
class Blobs:
    """The blobs below one folder. `warn` is told of damage."""

    root: str
    warn: Callable[[str], None]
    _verified: dict[str, Signature] | None = field(default=None)

    @property
    def folder(self) -> str:
        return os.path.join(self.root, "blobs", "sha256")

    def path(self, digest: Digest | ImageDigest) -> str:
        return os.path.join(self.folder, hex_of(digest))

    def whole(self, blob: Blob) -> bool:
        """Whether the blob is there with the right content; a damaged one is set aside."""
        found = signature(self.path(blob.digest))
        if found is None:
            return False
        if found[0] == blob.size_bytes and self._known().get(blob.digest) == found:
            return True
        return self._verify(blob, found)

    def read(self, digest: Digest | ImageDigest) -> bytes | None:
        """The content of a small blob, checked; None if it is missing or damaged."""
        content = durable.read(self.path(digest))
        if content is None or hashlib.sha256(content).hexdigest() != hex_of(digest):
            return None
        return content

    def add_file(self, path: str, digest: Digest) -> Blob:
        """Move a finished file in; its bytes have been hashed by whoever wrote it."""
        target = self.path(digest)
        with durable.cannot_write(target):
            os.makedirs(self.folder, exist_ok=True)
            durable.sync_file(path)
            os.chmod(path, 0o444)
            os.replace(path, target)
            durable.sync_folder(self.folder)
        return self.remember(digest)

    def add(self, content: bytes) -> Blob:
        digest = Digest("sha256:" + hashlib.sha256(content).hexdigest())
        if signature(self.path(digest)) is None or self.read(digest) is None:
            with durable.cannot_write(self.folder):
                os.makedirs(self.folder, exist_ok=True)
            durable.write(self.path(digest), content)
        return self.remember(digest)

    def remember(self, digest: Digest) -> Blob:
        found = signature(self.path(digest))
        assert found is not None, "BUG: remembered a blob that isn't there"
        self._remember({digest: found})
        return Blob(digest, found[0])

    def _verify(self, blob: Blob, found: Signature) -> bool:
        path = self.path(blob.digest)
        try:
            right = found[0] == blob.size_bytes and hash_file(path) == blob.digest
        except OSError:
            return False
        if right:
            self._remember({blob.digest: found})
            return True
        self.warn(f"blob {blob.digest} in the store is damaged; it is set aside and made again")
        self._set_aside(path)
        return False

    def _set_aside(self, path: str) -> None:
        aside = os.path.join(self.root, "damaged")
        with contextlib.suppress(OSError):
            os.makedirs(aside, exist_ok=True)
            os.replace(path, os.path.join(aside, os.path.basename(path)))

    def _known(self) -> dict[str, Signature]:
        if self._verified is None:
            self._verified = self._load()
        return self._verified

    def _load(self) -> dict[str, Signature]:
        try:
            fields = json.loads(durable.read(self._memory) or b"{}")
            return {digest: (s, m, c, i) for digest, (s, m, c, i) in fields.items()}
        except (ValueError, TypeError, AttributeError):
            # Losing it costs hashing once.
            return {}

    @property
    def _memory(self) -> str:
        return os.path.join(self.root, "verified.json")

    def _remember(self, news: dict[str, Signature]) -> None:
        self._known().update(news)
        # A memory that can't be written costs time the next time, and nothing else.
        with contextlib.suppress(OSError, BuildsysError), locked(self._memory + ".lock"):
            merged = self._load() | news
            alive = {d: s for d, s in merged.items() if os.path.exists(self.path(Digest(d)))}
            durable.write(self._memory, json.dumps(alive).encode())


@contextmanager
def locked(path: str) -> Iterator[None]:
    """Holds an exclusive lock on a file that is never removed; it dies with the process.

    Raises:
        MachineError: the file can't be made.
    """
    with durable.cannot_write(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
