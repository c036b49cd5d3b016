"""What builds needed, noted beside the results: so that it is known later what nobody needs any longer.

    build-TIME-RANDOM → manifest, artifactType application/vnd.buildsys.build.v1, with one layer: TEXT

TIME is UTC, TEXT is JSON: `{"schema": 1, "commit": …, "results": {KEY: digest of the image}}`. A note has no
signature: all that it can do is keep results that are there.
"""

import io
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from buildsys.model.action import Blob
from buildsys.model.digest import ActionKey, ImageDigest, digest_of, is_digest
from buildsys.registry.client import MANIFEST_TYPE, RegistryClient
from buildsys.registry.records import BadRecord

SCHEMA = 1
BUILD_TYPE = "application/vnd.buildsys.build.v1"
_TEXT_TYPE = f"{BUILD_TYPE}+json"
_EMPTY, _EMPTY_TYPE = b"{}", "application/vnd.oci.empty.v1+json"
"""OCI's placeholder for what an artifact doesn't have (image-spec, manifest.md)."""
_TIME = "%Y%m%dT%H%M%SZ"
TAG = re.compile(r"build-(?P<time>\d{8}T\d{6}Z)-[0-9a-f]{8}")
_LARGEST = 64 << 20


@dataclass(frozen=True, slots=True)
class BuildNote:
    """One build; `commit` is "" where it was of no git repository."""

    when: datetime
    commit: str
    results: Mapping[ActionKey, ImageDigest]


def write(client: RegistryClient, note: BuildNote) -> str:
    """Note a build; returns the tag.

    Raises:
        RegistryTrouble: the registry doesn't take it.
    """
    results = {str(key): str(digest) for key, digest in note.results.items()}
    said = {"schema": SCHEMA, "commit": note.commit, "results": results}
    text = json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
    for content in (_EMPTY, text):
        client.push_blob(_blob(content), partial(io.BytesIO, content))
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "artifactType": BUILD_TYPE,
        "config": _descriptor(_EMPTY_TYPE, _EMPTY),
        "layers": [_descriptor(_TEXT_TYPE, text)],
    }
    tag = f"build-{note.when.astimezone(UTC).strftime(_TIME)}-{secrets.token_hex(4)}"
    client.put_manifest(tag, json.dumps(manifest, sort_keys=True).encode(), MANIFEST_TYPE)
    return tag


def read(client: RegistryClient, tag: str) -> BuildNote | None:
    """What is noted under a tag that `TAG` matches; None if it is gone.

    Raises:
        BadRecord: it can't be read.
        RegistryTrouble: the registry doesn't say.
    """
    found = TAG.fullmatch(tag)
    assert found is not None, f"BUG: {tag} notes no build"
    stored = client.manifest(tag, (MANIFEST_TYPE,))
    if stored is None:
        return None
    into = io.BytesIO()
    try:
        (layer,) = json.loads(stored.content)["layers"]
        blob = Blob(layer["digest"], int(layer["size"]))
        if not is_digest(blob.digest) or not 0 <= blob.size_bytes <= _LARGEST:
            raise BadRecord("it names no text")
        if not client.fetch_blob(blob, into):
            raise BadRecord("its text is gone")
        said = json.loads(into.getvalue())
        results = {ActionKey(str(k)): ImageDigest(str(d)) for k, d in said["results"].items()}
        if said["schema"] != SCHEMA:
            raise BadRecord(f"it has schema {said['schema']}")
        commit = str(said["commit"])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadRecord("it can't be read") from None
    when = datetime.strptime(found["time"], _TIME).replace(tzinfo=UTC)
    return BuildNote(when, commit, results)


def _blob(content: bytes) -> Blob:
    return Blob(digest_of(content), len(content))


def _descriptor(media_type: str, content: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}
