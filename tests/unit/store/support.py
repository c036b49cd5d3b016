"""A real store in a tmp folder, with one small image in it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from buildsys.execution.ports import ActionRecord
from buildsys.model.action import ActionResult, Blob
from buildsys.model.digest import ActionKey, ImageDigest
from buildsys.store.disk_store import DiskStore
from tests.fakes import tar_of

KEY = ActionKey("ab" + "1" * 62)
OTHER_KEY = ActionKey("cd" + "2" * 62)
MANIFEST = {"schema": 1, "layer": "image"}


@dataclass
class Place:
    """A folder with a store; `store` opens it anew, as another process would."""

    folder: str
    warnings: list[str] = field(default_factory=list)

    def store(self) -> DiskStore:
        return DiskStore(self.folder, "linux/amd64", self.warnings.append)

    def path(self, *names: str) -> str:
        return os.path.join(self.folder, *names)

    def record_path(self, key: ActionKey = KEY) -> str:
        return self.path("records", key[:2], key)

    def blob_path(self, blob: Blob) -> str:
        return self.path("blobs", "sha256", blob.digest.removeprefix("sha256:"))


def seal(store: DiskStore, files: Mapping[str, bytes], *, compressed: bool = False) -> ActionResult:
    def pack(into: BinaryIO) -> None:
        into.write(tar_of(files))

    blobs = store.sealed(pack, compressed=compressed)
    return ActionResult(ImageDigest(blobs[0].digest), blobs, 5, 1.5)


def put(store: DiskStore, key: ActionKey = KEY, content: bytes = b"hello") -> ActionResult:
    result = seal(store, {"file": content})
    store.put(ActionRecord(key, MANIFEST, result, {"host": "here"}))
    return result


def flip(path: str, bit: int) -> None:
    """Flip one bit; size and time stamps of the file stay as they were."""
    found = os.stat(path)
    with open(path, "rb") as file:
        content = bytearray(file.read())
    content[bit // 8] ^= 1 << bit % 8
    rewrite(path, bytes(content))
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def rewrite(path: str, content: bytes) -> None:
    """Write in place, whatever the mode of the file."""
    os.chmod(path, 0o644)
    with open(path, "wb") as file:
        file.write(content)
