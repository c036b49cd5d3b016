"""A stored image, read with every blob checked."""

import json
from dataclasses import dataclass

from buildsys.errors import MachineError
from buildsys.model.action import ActionResult, Blob
from buildsys.model.digest import Digest
from buildsys.store.blobs import Blobs, hash_file


@dataclass(frozen=True, slots=True)
class StoredImage:
    """Manifest, config and layers of an image in the store."""

    blobs: Blobs
    result: ActionResult

    def config(self) -> bytes:
        return self._small(self.result.blobs[1])

    def manifest(self) -> bytes:
        return self._small(self.result.blobs[0])

    def diff_ids(self) -> list[Digest]:
        """Digests of the layers as they are unpacked."""
        found = json.loads(self.config())["rootfs"]["diff_ids"]
        return [Digest(digest) for digest in found]

    def layers(self) -> list[str]:
        """Paths of the layers, bottom up.

        Raises:
            MachineError: one of them is missing or damaged.
        """
        return [self.path(blob) for blob in self.result.blobs[2:]]

    def path(self, blob: Blob) -> str:
        path = self.blobs.path(blob.digest)
        try:
            whole = hash_file(path) == blob.digest
        except OSError:
            whole = False
        if not whole:
            raise _damaged(blob)
        return path

    def _small(self, blob: Blob) -> bytes:
        content = self.blobs.read(blob.digest)
        if content is None:
            raise _damaged(blob)
        return content


def _damaged(blob: Blob) -> MachineError:
    return MachineError(
        f"blob {blob.digest} in the store is missing or damaged", hint="bs build all"
    )
