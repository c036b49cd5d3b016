"""A shared result as an OCI index: it names the image by digest, and says in annotations what made it.

    {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
     "artifactType": "application/vnd.buildsys.result.v1",
     "manifests": [the image],
     "annotations": {"dev.buildsys.record": TEXT, "dev.buildsys.signature": "ed25519:KEY:SIGNATURE"}}

TEXT is JSON, and what is signed, byte for byte, behind a line that says what kind of text it is.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from buildsys.execution.ports import SharedResult
from buildsys.model.action import ActionResult, Blob
from buildsys.model.digest import ActionKey, Digest, ImageDigest, is_digest
from buildsys.registry.client import INDEX_TYPE, MANIFEST_TYPE

SCHEMA = 1
RESULT_TYPE = "application/vnd.buildsys.result.v1"
DOMAIN = b"buildsys shared result\n"
CREATED = "org.opencontainers.image.created"
_RECORD, _SIGNATURE = "dev.buildsys.record", "dev.buildsys.signature"
_FEWEST_BLOBS, _MOST_BLOBS = 2, 1000
_TAG = re.compile(r"bs-[0-9a-f]{64}")
_TEXT = re.compile(r"[ -~]{0,500}")

Signer = Callable[[bytes], str]
"""Message → signature with the name of its key."""
Verifier = Callable[[bytes, str], str]
"""Message and signature → why it isn't to be trusted; "" if it is."""


class BadRecord(Exception):
    """What is under a tag is no result that we take; says why."""


def tag_of(key: ActionKey) -> str:
    return f"bs-{key}"


def key_of(tag: str) -> ActionKey | None:
    """The key whose result is under the tag, if it is of that form."""
    return ActionKey(tag.removeprefix("bs-")) if _TAG.fullmatch(tag) else None


def encode(
    found: SharedResult, namespace: str, sign: Signer | None, platform: Mapping[str, str]
) -> bytes:
    """The index. `namespace` is signed with the rest: a result of one can't be passed off for another's.

    `platform` is for others who read it.
    """
    result = found.result
    text = json.dumps(
        {
            "schema": SCHEMA,
            "key": found.key,
            "namespace": namespace,
            "result": {
                "digest": result.digest,
                "blobs": [[blob.digest, blob.size_bytes] for blob in result.blobs],
                "unpacked_bytes": result.unpacked_bytes,
                "duration_s": round(result.duration_s, 3),
            },
            "made_by": dict(found.made_by),
        },
        sort_keys=True,
        separators=(",", ":"),
    )
    annotations = {_RECORD: text, CREATED: datetime.now(UTC).isoformat(timespec="seconds")}
    if sign is not None:
        annotations[_SIGNATURE] = sign(DOMAIN + text.encode())
    image = result.blobs[0]
    index = {
        "schemaVersion": 2,
        "mediaType": INDEX_TYPE,
        "artifactType": RESULT_TYPE,
        "manifests": [
            {
                "mediaType": MANIFEST_TYPE,
                "digest": image.digest,
                "size": image.size_bytes,
                "platform": dict(platform),
            }
        ],
        "annotations": annotations,
    }
    return json.dumps(index, sort_keys=True, separators=(",", ":")).encode()


def decode(content: bytes, key: ActionKey, namespace: str, verify: Verifier) -> SharedResult:
    """What an index says of this key.

    Raises:
        BadRecord: it says nothing, or nothing that is to be trusted.
    """
    try:
        index = json.loads(content)
        text = index["annotations"][_RECORD]
        signature = index["annotations"].get(_SIGNATURE, "")
        (image,) = index["manifests"]
        named = Blob(Digest(image["digest"]), image["size"])
        message = DOMAIN + text.encode()
        problem = verify(message, signature if isinstance(signature, str) else "")
        if problem:
            raise BadRecord(problem)
        found = _read(json.loads(text), key, namespace)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadRecord("it can't be read") from None
    if found.result.blobs[0] != named:
        raise BadRecord("it names one image and describes another")
    return found


def _read(fields: Mapping[str, Any], key: ActionKey, namespace: str) -> SharedResult:
    if fields["schema"] != SCHEMA or fields["key"] != key or fields["namespace"] != namespace:
        raise BadRecord("it is for another key")
    stored = fields["result"]
    pairs = stored["blobs"]
    blobs = tuple(Blob(Digest(digest), size) for digest, size in pairs)
    made_by = {str(name): str(value) for name, value in fields["made_by"].items()}
    right = (
        _FEWEST_BLOBS <= len(blobs) <= _MOST_BLOBS
        and stored["digest"] == blobs[0].digest
        and all(is_digest(blob.digest) and _is_size(blob.size_bytes) for blob in blobs)
        and _is_size(stored["unpacked_bytes"])
        and isinstance(stored["duration_s"], int | float)
        # These are shown on terminals.
        and all(_TEXT.fullmatch(text) for pair in made_by.items() for text in pair)
    )
    if not right:
        raise BadRecord("it can't be read")
    result = ActionResult(
        ImageDigest(stored["digest"]),
        blobs,
        stored["unpacked_bytes"],
        float(stored["duration_s"]),
    )
    return SharedResult(key, result, made_by)


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
