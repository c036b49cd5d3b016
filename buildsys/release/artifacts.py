"""What a registry gets beside an image: manifests that name it as their subject.

Formats: OCI image-spec 1.1, manifest.md; distribution-spec 1.1, "Listing Referrers" and its fallback by tag.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from buildsys.model.action import Blob
from buildsys.model.digest import Digest, digest_of, hex_of
from buildsys.registry.client import INDEX_TYPE
from buildsys.store.layers import MANIFEST_TYPE, descriptor

_NOTHING_TYPE = "application/vnd.oci.empty.v1+json"
_NOTHING = b"{}"


@dataclass(frozen=True, slots=True)
class Document:
    """Something to attach; `media_type` is what registries are asked by."""

    media_type: str
    content: bytes
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Artifact:
    """A document in the form that a registry stores."""

    document: Document
    manifest: bytes

    @property
    def digest(self) -> Digest:
        return digest_of(self.manifest)

    @property
    def blobs(self) -> tuple[tuple[Blob, bytes], ...]:
        """What the manifest names, with its bytes."""
        contents = (_NOTHING, self.document.content)
        return tuple((Blob(digest_of(one), len(one)), one) for one in contents)

    @property
    def referrer(self) -> dict[str, Any]:
        """How a list of referrers names it."""
        named = descriptor(MANIFEST_TYPE, self.digest, len(self.manifest))
        more = {"annotations": dict(self.document.annotations)} if self.document.annotations else {}
        return named | {"artifactType": self.document.media_type} | more


def attached(document: Document, subject: bytes, subject_type: str) -> Artifact:
    """The artifact for a document about the image whose manifest is `subject`."""
    nothing, content = digest_of(_NOTHING), digest_of(document.content)
    manifest: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "artifactType": document.media_type,
        "config": descriptor(_NOTHING_TYPE, nothing, len(_NOTHING)),
        "layers": [descriptor(document.media_type, content, len(document.content))],
        "subject": descriptor(subject_type, digest_of(subject), len(subject)),
    }
    if document.annotations:
        manifest["annotations"] = dict(document.annotations)
    return Artifact(document, _json(manifest))


def referrers_tag(subject: Digest) -> str:
    """The tag of the list of referrers, where a registry keeps none itself."""
    return f"sha256-{hex_of(subject)}"


def referrers_index(known: bytes | None, artifacts: Iterable[Artifact]) -> bytes:
    """The list of referrers with these artifacts in it; what else is `known` of the image stays."""
    new = [artifact.referrer for artifact in artifacts]
    digests = {one["digest"] for one in new}
    kept = [one for one in _manifests(known) if one.get("digest") not in digests]
    return _json({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [*kept, *new]})


def _manifests(index: bytes | None) -> list[dict[str, Any]]:
    try:
        found = json.loads(index or b"{}").get("manifests", [])
    except (ValueError, AttributeError):
        return []
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
