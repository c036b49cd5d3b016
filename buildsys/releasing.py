"""The images of a session with what is known of them: what a release is made of."""

from dataclasses import dataclass
from functools import cached_property

from buildsys.execution.bases import KnownBase
from buildsys.execution.lookup import TargetStatus
from buildsys.images.components import image_components
from buildsys.images.stored import StoredImage
from buildsys.keys.keying import KeyedTarget
from buildsys.model.action import ActionResult
from buildsys.model.digest import Digest
from buildsys.release.origins import base_below
from buildsys.release.provenance import Making, provenance
from buildsys.release.spdx import Origin, bill_of_materials
from buildsys.release.subject import Subject
from buildsys.wiring import Session, references
from buildsys.workspace.checkout import Checkout


@dataclass(frozen=True)
class BuiltImage:
    """A stored image of a target as its sources are now."""

    keyed: KeyedTarget
    status: TargetStatus
    result: ActionResult


@dataclass
class Releasing:
    """Tells of the images of one session."""

    session: Session
    builder: str = ""
    """URI of the builder; by default made of the host's name."""

    @cached_property
    def checkout(self) -> Checkout:
        return Checkout(self.session.root, self.session.machine.environment)

    @cached_property
    def _bases(self) -> dict[str, KnownBase]:
        return self.session.bases()

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
