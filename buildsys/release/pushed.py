"""What this machine pushed where, so that a further tag costs one request.

It is only a hint: a registry that lost an image since refuses the tag, and then the image is pushed anew.
"""

import contextlib
import os
from dataclasses import dataclass

from buildsys.model.digest import Digest, digest_of, hex_of
from buildsys.registry.repository import Repository
from buildsys.store import durable


@dataclass(frozen=True, slots=True)
class PushedImages:
    """An empty file for each image that is whole in a repository, with all that is attached to it."""

    folder: str

    def __contains__(self, image: tuple[Repository, Digest]) -> bool:
        return os.path.exists(self._path(*image))

    def remember(self, repository: Repository, digest: Digest) -> None:
        path = self._path(repository, digest)
        with durable.cannot_write(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb"):
                pass

    def forget(self, repository: Repository, digest: Digest) -> None:
        with contextlib.suppress(OSError):
            os.unlink(self._path(repository, digest))

    def _path(self, repository: Repository, digest: Digest) -> str:
        where = hex_of(digest_of(str(repository).encode()))[:32]
        return os.path.join(self.folder, where, hex_of(digest))
