"""How an image was made, as an in-toto statement with SLSA provenance (slsa.dev/spec/v1.0/provenance).

It tells of the build that made the image: the same image, made by the same build, has the same provenance,
whoever asks for it and however often.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from buildsys.keys.keying import KeyedTarget
from buildsys.model.action import KeyedAction
from buildsys.model.digest import ActionKey, ImageDigest, hex_of, is_digest
from buildsys.release.subject import Subject

MEDIA_TYPE = "application/vnd.in-toto+json"
PREDICATE = "https://slsa.dev/provenance/v1"
_STATEMENT = "https://in-toto.io/Statement/v1"
_BUILD_TYPE = "urn:buildsys:image:1"


@dataclass(frozen=True, slots=True)
class Making:
    """What is known of the build behind an image."""

    target: KeyedTarget
    layers: Mapping[ActionKey, ImageDigest]
    """The layers that are known here."""
    bases: Mapping[str, str]
    """Name → reference by digest."""
    made_by: Mapping[str, str]
    """As in the image's action record."""
    builder: str = ""
    """URI of who is to be trusted for it."""
    repository: str = ""
    """URI of the source repository."""
    commit: str = ""
    """A commit that has the very inputs that the image was made of; empty if none is known."""


def provenance(subject: Subject, making: Making) -> bytes:
    """The statement about an image."""
    statement = {
        "_type": _STATEMENT,
        "subject": [{"name": subject.name, "digest": {"sha256": hex_of(subject.digest)}}],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": _BUILD_TYPE,
                "externalParameters": {
                    "label": str(subject.label),
                    "rule": making.target.rule,
                    "platform": subject.platform,
                },
                "internalParameters": {"layers": [_layer(one) for one in making.target.layers]},
                "resolvedDependencies": [*_sources(making), *_bases(making), *_files(making)],
            },
            "runDetails": _run(making),
        },
    }
    return json.dumps(statement, indent=1).encode() + b"\n"


def _layer(keyed: KeyedAction) -> dict[str, Any]:
    action = keyed.action
    return {
        "name": action.layer,
        "key": keyed.key,
        "rule": f"{action.rule}/{action.rule_version}",
        "layers": dict(sorted(keyed.layers.items())),
    }


def _sources(making: Making) -> Iterator[dict[str, Any]]:
    if making.commit:
        where = {"uri": f"{making.repository}@{making.commit}"} if making.repository else {}
        yield {"name": "sources", **where, "digest": {"gitCommit": making.commit}}


def _bases(making: Making) -> Iterator[dict[str, Any]]:
    named = {base for keyed in making.target.layers for base in keyed.action.bases}
    for name in sorted(named & making.bases.keys()):
        image, _, digest = making.bases[name].rpartition("@")
        where = {"uri": f"oci://{image}"} if image else {}
        yield {
            "name": f"base {name}",
            **where,
            "digest": {"sha256": digest.removeprefix("sha256:")},
        }


def _files(making: Making) -> Iterator[dict[str, Any]]:
    """The input files by what the keys say of them; of a manifest that is what enters, not all of its text."""
    states: dict[tuple[str, str], None] = {}
    for keyed in making.target.layers:
        contexts = keyed.manifest["inputs"]
        assert isinstance(contexts, dict)
        for files in contexts.values():
            states |= dict.fromkeys(
                (path, state.removeprefix("x ")) for path, state in files.items()
            )
    for path, state in sorted(states):
        if is_digest(state):
            yield {"name": path, "digest": {"sha256": state.removeprefix("sha256:")}}


def _run(making: Making) -> dict[str, Any]:
    image = making.target.image
    versions = {
        name: making.made_by[name] for name in ("bs", "buildkit") if making.made_by.get(name)
    }
    made = [
        {
            "name": f"layer {keyed.action.layer}",
            "digest": {"sha256": hex_of(making.layers[keyed.key])},
        }
        for keyed in making.target.layers[:-1]
        if keyed.key in making.layers
    ]
    return {
        "builder": {"id": making.builder, "version": versions},
        "metadata": {"invocationId": image.key},
        "byproducts": made,
    }
