"""Blobs in OCI layout: `blobs/sha256/HEX` holds the bytes.

A blob whose stat signature is as it was when its content was last right (see `verified`) is whole, so that
a no-op build needs only to stat. Anything else is hashed again.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field

from buildsys.model.action import Blob
from buildsys.model.digest import Digest, ImageDigest, hex_of
from buildsys.sights import Sights
from buildsys.store import durable
from buildsys.store.verified import Signature, VerifiedBlobs, signature, signature_of


def hash_file(path: str) -> Digest:
    with open(path, "rb") as file:
        return Digest("sha256:" + hashlib.file_digest(file, "sha256").hexdigest())


@dataclass(slots=True)
class Blobs:
    """The blobs below one folder. `warn` is told of damage."""

    root: str
    warn: Callable[[str], None]
    sights: Sights = field(default_factory=Sights)
    _verified: VerifiedBlobs = field(init=False)

    def __post_init__(self) -> None:
        self._verified = VerifiedBlobs(
            os.path.join(self.root, "verified"),
            lambda digest: os.path.exists(self.path(Digest(digest))),
        )

    @property
    def folder(self) -> str:
        return os.path.join(self.root, "blobs", "sha256")

    def path(self, digest: Digest | ImageDigest) -> str:
        return os.path.join(self.folder, hex_of(digest))

    def whole(self, blob: Blob) -> bool:
        """Whether the blob is there with the right content; a damaged one is set aside."""
        there = self.sights.look(self.path(blob.digest), behind=True, replaced=True)
        if there is None:
            return False
        found = signature_of(there)
        if found[0] == blob.size_bytes and self._verified.get(blob.digest) == found:
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
        self._verified.remember(digest, found)
        return Blob(digest, found[0])

    def tidy(self) -> None:
        """Forget what is remembered of blobs that are gone."""
        self._verified.compact()

    def _verify(self, blob: Blob, found: Signature) -> bool:
        path = self.path(blob.digest)
        try:
            right = found[0] == blob.size_bytes and hash_file(path) == blob.digest
        except OSError:
            return False
        if right:
            self._verified.remember(blob.digest, found)
            return True
        self.warn(f"blob {blob.digest} in the store is damaged; it is set aside and made again")
        self._set_aside(path)
        return False

    def _set_aside(self, path: str) -> None:
        aside = os.path.join(self.root, "damaged")
        with contextlib.suppress(OSError):
            os.makedirs(aside, exist_ok=True)
            os.replace(path, os.path.join(aside, os.path.basename(path)))
