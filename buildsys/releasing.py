"""The images of a session with what is known of them: what a release is made of."""

import threading
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import BinaryIO

from buildsys.errors import MachineError
from buildsys.execution.bases import KnownBase
from buildsys.execution.lookup import TargetStatus
from buildsys.images.components import image_components
from buildsys.images.stored import StoredImage
from buildsys.keys.keying import KeyedTarget
from buildsys.model.action import ActionResult
from buildsys.model.digest import Digest
from buildsys.model.label import Label
from buildsys.release import spdx
from buildsys.release.artifacts import Document
from buildsys.release.compression import Content, PackedImage, packed
from buildsys.release.order import Compression
from buildsys.release.origins import base_below
from buildsys.release.provenance import MEDIA_TYPE as PROVENANCE_TYPE
from buildsys.release.provenance import PREDICATE, Making, provenance
from buildsys.release.spdx import Origin, bill_of_materials
from buildsys.release.subject import Subject
from buildsys.release.tags import BRANCH, COMMIT, KEY, branch_name, commit_name
from buildsys.wiring import Session, references
from buildsys.workspace.checkout import Checkout


@dataclass(frozen=True)
class BuiltImage:
    """A stored image of a target as its sources are now."""

    keyed: KeyedTarget
    status: TargetStatus
    result: ActionResult
    """Its manifest is here, its layers may be in the shared cache alone."""


@dataclass
class Releasing:
    """Tells of the images of one session."""

    session: Session
    builder: str = ""
    """URI of the builder; by default made of the host's name."""
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock)
    """A session is for one thread."""

    @cached_property
    def checkout(self) -> Checkout:
        return Checkout(self.session.root, self.session.machine.environment)

    @cached_property
    def _bases(self) -> dict[str, KnownBase]:
        known = self.session.bases()
        missing = (one.base for one in known.values() if one.reference is None)
        return known | self.session.caches.shared_bases(missing)

    def stored(self, labels: tuple[Label, ...]) -> list[BuiltImage]:
        """The images of targets, which have to be known as the sources are now.

        Raises:
            MachineError: one isn't.
        """
        statuses = self.session.status(labels)
        return [
            BuiltImage(keyed, status, self.session.caches.describe(status))
            for keyed, status in zip(self.session.targets, statuses, strict=True)
        ]

    def bring(self, image: BuiltImage) -> None:
        """Have the image's layers here.

        Raises:
            ResultLost: the shared cache had them, and has them no longer.
        """
        with self._one_at_a_time:
            self.session.caches.have(image.status, self.session.targets)

    def packed(self, image: BuiltImage, compression: Compression, scratch: str) -> PackedImage:
        """The image as a registry gets it; see `release.compression`."""
        stored = StoredImage(self.session.machine.store.blobs, image.result)
        if compression is not Compression.ZSTD:
            self.bring(image)
        ready = packed(stored, compression, scratch)

        def brought(content: Content) -> BinaryIO:
            self.bring(image)
            return content.opened()

        contents = (replace(one, opened=partial(brought, one)) for one in ready.contents)
        return replace(ready, contents=tuple(contents))

    def documents(self, image: BuiltImage, digest: Digest) -> tuple[Document, ...]:
        """What is attached to the image under `digest`.

        Raises:
            MachineError: a layer is missing or damaged.
        """
        self.bring(image)
        with self._one_at_a_time:
            bill = self.bill(image, digest)
            how = self.provenance(image, digest)
        said = {"in-toto.io/predicate-type": PREDICATE}
        return Document(spdx.MEDIA_TYPE, bill), Document(PROVENANCE_TYPE, how, said)

    def check_bases(self, labels: tuple[Label, ...]) -> None:
        """See to it that no image for another platform is built on a base of this one.

        Raises:
            MachineError: one would be.
        """
        session, bases = self.session, self.session.bases()
        for keyed in session.keyed(labels, bases) if session.crossing else ():
            base = bases.get(base_below(keyed.actions) or "")
            if base is not None and base.origin == "bootstrap":
                raise MachineError(
                    f"{keyed.label} for {session.platform}: its base `{base.base.name}` was made here, for"
                    f" {session.machine.platform}",
                    hint="give it `base: scratch`, or a base that a registry has for both",
                )

    def facts(self, keyed: KeyedTarget, *, is_index: bool = False) -> dict[str, str]:
        """What stands for the fields of tags; an index has the keys of all its images, and so none."""
        known = keyed.layers and not keyed.open and not is_index
        key = keyed.image.key if known else ""
        return {COMMIT: self._commit_name, BRANCH: self._branch_name, KEY: key}

    @cached_property
    def _commit_name(self) -> str:
        return commit_name(self.checkout.commit(), changed=self.checkout.is_changed())

    @cached_property
    def _branch_name(self) -> str:
        return branch_name(self.checkout.branch())

    def bill(self, image: BuiltImage, digest: Digest) -> bytes:
        """The bill of materials of the image under `digest`.

        Raises:
            MachineError: a layer is missing or damaged.
        """
        session, label = self.session, image.keyed.label
        stored = StoredImage(session.machine.store.blobs, image.result)
        components = (*image_components(stored), *session.analysis.locked_components(label))
        base = base_below(image.keyed.actions)
        below = [self._origin(self._bases[base])] if base in self._bases else []
        return bill_of_materials(self._subject(image, digest), components, below)

    def provenance(self, image: BuiltImage, digest: Digest) -> bytes:
        """The provenance of the image under `digest`."""
        keyed = image.keyed
        record = self.session.machine.store.record(keyed.image.key)
        made_by = record.made_by if record is not None else {}
        making = Making(
            keyed,
            {
                layer.key: layer.result.digest
                for layer in image.status.layers
                if layer.key is not None and layer.result is not None
            },
            references(self._bases),
            made_by,
            self.builder or f"urn:buildsys:builder:{made_by.get('host') or 'unknown'}",
            self.checkout.remote(),
            self._commit(keyed, made_by.get("commit", "")),
        )
        return provenance(self._subject(image, digest), making)

    def _commit(self, keyed: KeyedTarget, built_at: str) -> str:
        """A commit that has the image's inputs; that of the build may not, where files were changed then."""
        paths = frozenset(
            path
            for layer in keyed.layers
            for source in layer.action.sources
            for path in (*source.paths, *source.names_only)
        )
        candidates = (built_at, self.checkout.commit())
        return next((one for one in candidates if self.checkout.has(one, paths)), "")

    def _subject(self, image: BuiltImage, digest: Digest) -> Subject:
        return Subject(image.keyed.label, digest, image.keyed.image.action.platform)

    def _origin(self, base: KnownBase) -> Origin:
        made_here = base.origin == "bootstrap" and base.base.bootstrap is not None
        packages = base.base.bootstrap.packages if made_here and base.base.bootstrap else ()
        return Origin(base.base.name, base.reference or "", packages)
