"""A bill of materials as SPDX 2.3 JSON (spdx.github.io/spdx-spec/v2.3).

The same image gives the same bytes: no time, no random identifiers.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from buildsys import __version__
from buildsys.model.components import Component, Ecosystem
from buildsys.model.digest import hex_of
from buildsys.release.subject import Subject

MEDIA_TYPE = "application/spdx+json"
_IMAGE = "SPDXRef-image"
_CREATED = "1980-01-01T00:00:00Z"
"""A time is asked for; a true one would be in no input. That of everything in an image is this one too."""
_STANDARD_LIBRARY = "stdlib"


@dataclass(frozen=True, slots=True)
class Origin:
    """A base that the image is built upon; `reference` ends with its digest."""

    name: str
    reference: str
    packages: tuple[str, ...] = ()
    """Debian packages that it was made of, where it was made here."""


def bill_of_materials(
    subject: Subject, components: Iterable[Component], bases: Iterable[Origin]
) -> bytes:
    """The document for an image, its components and the bases below it."""
    by_purl = {component.purl: component for component in components}
    parts = [_component(by_purl[purl]) for purl in sorted(by_purl)]
    below = [_base(base) for base in bases]
    related = [_related("SPDXRef-DOCUMENT", "DESCRIBES", _IMAGE)]
    related += [_related(_IMAGE, "DESCENDANT_OF", base["SPDXID"]) for base in below]
    related += [
        _related(_IMAGE, "CONTAINS" if found else "DEPENDS_ON", part["SPDXID"])
        for found, part in parts
    ]
    document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": subject.name,
        "documentNamespace": f"https://spdx.org/spdxdocs/{subject.name}-{hex_of(subject.digest)}",
        "creationInfo": {"created": _CREATED, "creators": [f"Tool: bs-{__version__}"]},
        "documentDescribes": [_IMAGE],
        "packages": [_image(subject), *below, *(part for _, part in parts)],
        "relationships": related,
    }
    return json.dumps(document, indent=1).encode() + b"\n"


def _image(subject: Subject) -> dict[str, Any]:
    return {
        "SPDXID": _IMAGE,
        "name": subject.name,
        "versionInfo": subject.digest,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "primaryPackagePurpose": "CONTAINER",
        "comment": f"{subject.label} for {subject.platform}",
        "checksums": [{"algorithm": "SHA256", "checksumValue": hex_of(subject.digest)}],
        "externalRefs": [_purl(subject.purl)],
    }


def _base(base: Origin) -> dict[str, Any]:
    image, _, digest = base.reference.rpartition("@")
    found: dict[str, Any] = {
        "SPDXID": f"SPDXRef-base-{_identifier(base.name)}",
        "name": base.name,
        "versionInfo": image or digest,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "primaryPackagePurpose": "CONTAINER",
        "checksums": [{"algorithm": "SHA256", "checksumValue": digest.removeprefix("sha256:")}],
    }
    if base.packages:
        found["comment"] = f"Made of Debian packages and what they need: {' '.join(base.packages)}"
    return found


def _component(component: Component) -> tuple[bool, dict[str, Any]]:
    found: dict[str, Any] = {
        "SPDXID": f"SPDXRef-{_identifier(component.purl.removeprefix('pkg:'))}",
        "name": component.name,
        "versionInfo": component.version,
        "downloadLocation": component.origin or "NOASSERTION",
        "filesAnalyzed": False,
        "primaryPackagePurpose": "LIBRARY",
        "externalRefs": list(_references(component)),
    }
    if component.checksum is not None:
        value = hex_of(component.checksum)
        found["checksums"] = [{"algorithm": "SHA256", "checksumValue": value}]
    if component.licence:
        found["licenseDeclared"] = component.licence
    comments = list(_comments(component))
    return component.found, found | ({"comment": "; ".join(comments)} if comments else {})


def _comments(component: Component) -> Iterator[str]:
    if component.sum:
        yield f"go.sum: {component.sum}"
    if not component.found:
        yield "named by the lock file; whether it is compiled in, only the compiler knows"


def _references(component: Component) -> Iterator[Mapping[str, str]]:
    yield _purl(component.purl)
    if component.ecosystem is Ecosystem.GO and component.name == _STANDARD_LIBRARY:
        # By this name vulnerability databases know Go itself.
        yield {
            "referenceCategory": "SECURITY",
            "referenceType": "cpe23Type",
            "referenceLocator": f"cpe:2.3:a:golang:go:{component.version}:*:*:*:*:*:*:*",
        }


def _purl(purl: str) -> dict[str, str]:
    return {
        "referenceCategory": "PACKAGE-MANAGER",
        "referenceType": "purl",
        "referenceLocator": purl,
    }


def _related(one: str, how: str, other: str) -> dict[str, str]:
    return {"spdxElementId": one, "relationshipType": how, "relatedSpdxElement": other}


def _identifier(text: str) -> str:
    """Letters, digits, `.` and `-`; what isn't becomes its number, so that none are the same."""
    return re.sub(r"[^A-Za-z0-9.-]", lambda found: f"-{ord(found[0]):x}-", text)
