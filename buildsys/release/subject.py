"""The image that documents speak of."""

from dataclasses import dataclass

from buildsys.model.digest import Digest, hex_of
from buildsys.model.label import Label


@dataclass(frozen=True, slots=True)
class Subject:
    """An image by the digest under which a registry has it, or would have it."""

    label: Label
    digest: Digest
    platform: str

    @property
    def name(self) -> str:
        return self.label.name

    @property
    def purl(self) -> str:
        """Its package URL (purl-spec, type oci)."""
        return f"pkg:oci/{self.name.lower()}@sha256%3A{hex_of(self.digest)}"
