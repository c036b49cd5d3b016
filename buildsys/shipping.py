"""Images of one or several platforms, made ready for their repositories."""

import os
import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from buildsys.errors import BuildFileError, UsageError
from buildsys.model.label import Label
from buildsys.model.target import Target
from buildsys.registry.repository import Repository
from buildsys.release.index import index_of
from buildsys.release.order import Order
from buildsys.release.shipment import Shipment
from buildsys.release.tags import tags_of
from buildsys.releasing import BuiltImage, Releasing

_REPOSITORY = re.compile(r"[a-z0-9]+((?:[._]|__|-+|/)[a-z0-9]+)*")


def repository_name(target: Target) -> str:
    """The name of the target's repository below all others' root.

    Raises:
        BuildFileError: no registry takes it.
    """
    name = target.text("repository") or target.label.name
    if not _REPOSITORY.fullmatch(name):
        raise BuildFileError(
            f"`{name}` can't be the name of a repository",
            at=target.at,
            hint="give `repository`: lower-case letters and digits, with single `._-/` between them",
        )
    return name


def platforms_of(target: Target) -> tuple[str, ...]:
    """The platforms that the target names; none is the machine's own, without an index."""
    return target.strings("platforms") if "platforms" in target.attributes else ()


@dataclass(frozen=True)
class Shipping:
    """Makes shipments; `by_platform` has the machine's own platform, and others that are asked for."""

    by_platform: Mapping[str, Releasing]
    own: str
    order: Order
    scratch: str
    """A folder for layers that are compressed anew."""

    def shipments(self, labels: tuple[Label, ...]) -> list[Shipment]:
        """The images as they go into their repositories.

        Raises:
            UsageError: two of them would get the same tag of the same repository, or one a tag that is none.
            BuildFileError: a target's name can't be that of a repository.
            MachineError: an image isn't stored, or is damaged.
        """
        targets = self.by_platform[self.own].session.workspace.targets
        images = {
            (image.keyed.label, platform): image
            for platform, releasing in self.by_platform.items()
            for image in releasing.stored(
                tuple(
                    one for one in labels if platform in (platforms_of(targets[one]) or (self.own,))
                )
            )
        }
        with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="pack") as pool:
            found = list(pool.map(partial(self._shipment, images, targets), labels))
        _check_tags(found)
        return found

    def _shipment(
        self,
        images: Mapping[tuple[Label, str], BuiltImage],
        targets: Mapping[Label, Target],
        label: Label,
    ) -> Shipment:
        target = targets[label]
        where = self.order.to.below(repository_name(target))
        releasing = self.by_platform[self.own]
        platforms = platforms_of(target)
        if not platforms:
            image = images[label, self.own]
            tags = tags_of(self.order.tags, releasing.facts(image.keyed))
            return self._single(self.own, image, where, tags)
        parts = {one: self._single(one, images[label, one], where, ()) for one in platforms}
        facts = releasing.facts(images[label, platforms[0]].keyed, is_index=True)
        index = index_of({one: part.image for one, part in parts.items()})
        tags = tags_of(self.order.tags, facts)
        return Shipment(label, where, tags, index, tuple, parts=tuple(parts.values()))

    def _single(
        self, platform: str, image: BuiltImage, where: Repository, tags: tuple[str, ...]
    ) -> Shipment:
        releasing = self.by_platform[platform]
        ready = releasing.packed(image, self.order.compression, self.scratch)
        documents = partial(releasing.documents, image, ready.digest)
        return Shipment(image.keyed.label, where, tags, ready, documents, platform)


def _check_tags(shipments: Iterable[Shipment]) -> None:
    owners: dict[str, Label] = {}
    for shipment in shipments:
        for tag in shipment.tags:
            reference = f"{shipment.repository}:{tag}"
            other = owners.setdefault(reference, shipment.label)
            if other != shipment.label:
                raise UsageError(
                    f"{reference} would be both {other} and {shipment.label}",
                    hint="give one of them another `repository`",
                )
