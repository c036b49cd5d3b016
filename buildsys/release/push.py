"""Pushes images, all or none: tags move once every image is in the registry, with all that belongs to it.

An image's manifest is stored by digest after everything that it needs and after what is attached to it, so that
whoever finds the manifest finds the rest.
"""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import TypeVar

from buildsys.errors import MachineError
from buildsys.model.digest import Digest
from buildsys.registry.client import INDEX_TYPE, RegistryClient
from buildsys.registry.repository import Repository
from buildsys.registry.trouble import RegistryTrouble
from buildsys.release.artifacts import referrers_index, referrers_tag
from buildsys.release.compression import Content
from buildsys.release.pushed import PushedImages
from buildsys.release.shipment import Delivered, Shipment
from buildsys.store.layers import MANIFEST_TYPE

T = TypeVar("T")
U = TypeVar("U")

_AT_ONCE = 8
_REFUSED = frozenset({400, 404})
"""How a registry says that it lacks what a manifest names."""
_NO_SUCH_API = frozenset({400, 404, 405, 406, 501})


Connect = Callable[[Repository, tuple[str, ...]], RegistryClient]
"""A client of a repository that also reads from others, of these names."""


class Push:
    """One push of some images."""

    def __init__(
        self,
        shipments: Iterable[Shipment],
        connect: Connect,
        known: PushedImages,
        sign: Callable[[Shipment], None] | None = None,
    ) -> None:
        self._delivered = [Delivered(shipment) for shipment in shipments]
        self._known = known
        self._sign = sign
        self._one_at_a_time = threading.Lock()
        self._owners = _owners(one.shipment for one in self._delivered)
        self._clients = {
            one.shipment.repository: connect(one.shipment.repository, self._mounted(one.shipment))
            for one in self._delivered
        }

    def run(self) -> list[Delivered]:
        """Push, sign, tag.

        Raises:
            MachineError: something failed; the message says which tags have moved, if any.
        """
        try:
            self._bring_all()
            self._tag_all()
        finally:
            for client in self._clients.values():
                client.close()
        return self._delivered

    def _bring_all(self) -> None:
        try:
            self._bring(self._delivered)
            if self._sign is not None:
                self._all(self._sign, [one.shipment for one in self._delivered])
        except MachineError as error:
            raise MachineError(f"{error.message}; no tag has moved", hint=error.hint) from None

    def _bring(self, wanted: list[Delivered]) -> None:
        self._all(self._look, wanted)
        absent = [one for one in wanted if one.sent_bytes is not None]
        parts = {id(one): [Delivered(part) for part in one.shipment.parts] for one in absent}
        if any(parts.values()):
            self._bring([part for found in parts.values() for part in found])
        self._deliver(absent)
        for one in absent:
            of_parts = sum(part.sent_bytes or 0 for part in parts[id(one)])
            one.sent_bytes = (one.sent_bytes or 0) + of_parts

    def _look(self, delivered: Delivered) -> None:
        shipment = delivered.shipment
        if shipment.key not in self._known:
            if self._clients[shipment.repository].has_manifest(shipment.digest):
                self._known.remember(*shipment.key)
            else:
                delivered.sent_bytes = 0

    def _deliver(self, absent: list[Delivered]) -> None:
        # First each blob to one repository, then from there to the others: it is sent once.
        wanted = {(one.shipment.repository, c.blob.digest): (one, c)
                  for one in absent for c in one.shipment.image.contents}  # fmt: skip
        own = [key for key in wanted if self._owner(*key) == key[0].name]
        others = [key for key in wanted if self._owner(*key) != key[0].name]
        for keys in (own, others):
            found = [wanted[key] for key in keys]
            for (delivered, _), sent in zip(found, self._all(self._push_blob, found), strict=True):
                delivered.sent_bytes = (delivered.sent_bytes or 0) + sent
        self._all(self._finish, absent)

    def _push_blob(self, wanted: tuple[Delivered, Content]) -> int:
        delivered, content = wanted
        repository = delivered.shipment.repository
        owner = self._owner(repository, content.blob.digest)
        mount_from = "" if owner == repository.name else owner
        client = self._clients[repository]
        sent = client.push_blob(content.blob, content.opened, mount_from=mount_from)
        return content.blob.size_bytes if sent else 0

    def _finish(self, delivered: Delivered) -> None:
        shipment = delivered.shipment
        client, image = self._clients[shipment.repository], shipment.image
        for artifact in shipment.artifacts:
            for blob, content in artifact.blobs:
                client.push_blob(blob, lambda content=content: BytesIO(content))  # type: ignore[misc]
            client.put_manifest(artifact.digest, artifact.manifest, MANIFEST_TYPE)
        if shipment.artifacts and not _keeps_referrers(client, shipment.digest):
            tag = referrers_tag(shipment.digest)
            known = client.manifest(tag)
            index = referrers_index(known.content if known else None, shipment.artifacts)
            client.put_manifest(tag, index, INDEX_TYPE)
        client.put_manifest(shipment.digest, image.manifest, image.media_type)
        self._known.remember(*shipment.key)

    def _tag_all(self) -> None:
        try:
            self._all(
                self._tag, [(one, tag) for one in self._delivered for tag in one.shipment.tags]
            )
        except MachineError as error:
            moved = [
                f"{one.shipment.repository}:{tag}" for one in self._delivered for tag in one.tagged
            ]
            said = (
                f"these tags have moved already: {', '.join(moved)}"
                if moved
                else "no tag has moved"
            )
            raise MachineError(f"{error.message}; {said}", hint=error.hint) from None

    def _tag(self, wanted: tuple[Delivered, str]) -> None:
        delivered, tag = wanted
        shipment = delivered.shipment
        client, image = self._clients[shipment.repository], shipment.image
        try:
            client.put_manifest(tag, image.manifest, image.media_type)
        except RegistryTrouble as trouble:
            if trouble.status not in _REFUSED or not self._brought_anew(delivered):
                raise
            client.put_manifest(tag, image.manifest, image.media_type)
        delivered.tagged.append(tag)

    def _brought_anew(self, delivered: Delivered) -> bool:
        """Push an image that the registry had once and lost; False if it isn't one."""
        with self._one_at_a_time:
            if delivered.sent_bytes is None:
                delivered.was_lost = True
                for image in delivered.shipment.images:
                    self._known.forget(*image.key)
                self._bring([delivered])
        return delivered.was_lost

    def _owner(self, repository: Repository, digest: Digest) -> str:
        return self._owners[repository.host, digest]

    def _mounted(self, shipment: Shipment) -> tuple[str, ...]:
        """The repositories that blobs of the image are taken from."""
        names = {
            self._owner(shipment.repository, content.blob.digest)
            for image in shipment.images
            for content in image.image.contents
        }
        return tuple(sorted(names - {shipment.repository.name}))

    def _all(self, work: Callable[[T], U], items: Iterable[T]) -> list[U]:
        """Do all of it, and fail only then: what is there needs no pushing again."""
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="push") as pool:
            futures = [pool.submit(work, item) for item in items]
        errors = [error for one in futures if (error := one.exception()) is not None]
        for error in errors:
            raise error
        return [one.result() for one in futures]


def _owners(shipments: Iterable[Shipment]) -> dict[tuple[str, Digest], str]:
    """Host and blob → the repository that gets its bytes; others there take it from this one."""
    found: dict[tuple[str, Digest], str] = {}
    for image in (image for shipment in shipments for image in shipment.images):
        for content in image.image.contents:
            found.setdefault((image.repository.host, content.blob.digest), image.repository.name)
    return found


def _keeps_referrers(client: RegistryClient, digest: Digest) -> bool:
    """Whether the registry itself lists what is attached to an image."""
    try:
        return client.has_referrers(digest)
    except RegistryTrouble as trouble:
        if trouble.status in _NO_SUCH_API:
            return False
        raise
