"""Images on their way into repositories, and what became of them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from buildsys.model.digest import Digest
from buildsys.model.label import Label
from buildsys.registry.repository import Repository
from buildsys.release.artifacts import Artifact, Document, attached
from buildsys.release.compression import PackedImage


@dataclass(frozen=True)
class Shipment:
    """An image on its way into a repository."""

    label: Label
    repository: Repository
    tags: tuple[str, ...]
    image: PackedImage
    make_documents: Callable[[], tuple[Document, ...]]
    """What is attached to the image; made only if it has to be pushed."""
    platform: str = ""
    parts: tuple["Shipment", ...] = ()
    """The images that it is an index of, one a platform."""

    @property
    def digest(self) -> Digest:
        return self.image.digest

    @cached_property
    def artifacts(self) -> tuple[Artifact, ...]:
        documents = self.make_documents()
        return tuple(attached(one, self.image.manifest, self.image.media_type) for one in documents)

    @property
    def images(self) -> tuple["Shipment", ...]:
        """All that goes into the repository."""
        return (*self.parts, self)

    @property
    def key(self) -> tuple[Repository, Digest]:
        return self.repository, self.digest


@dataclass
class Delivered:
    """What became of a shipment: `sent_bytes` is None for an image that was there already."""

    shipment: Shipment
    sent_bytes: int | None = None
    tagged: list[str] = field(default_factory=list)
    was_lost: bool = False
    """It was there already, and then it wasn't."""
