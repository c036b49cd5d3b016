"""Action records as bytes: one line with the SHA-256 of the rest, then JSON.

A record that is cut, changed or of another schema decodes to None: damage is a miss.
"""

import hashlib
import json

from buildsys.execution.ports import ActionRecord
from buildsys.model.action import ActionResult, Blob
from buildsys.model.digest import ActionKey, Digest, ImageDigest

SCHEMA = 1


def encode(record: ActionRecord) -> bytes:
    result = record.result
    payload = json.dumps(
        {
            "schema": SCHEMA,
            "key": record.key,
            "result": {
                "digest": result.digest,
                "blobs": [[blob.digest, blob.size_bytes] for blob in result.blobs],
                "unpacked_bytes": result.unpacked_bytes,
                "duration_s": round(result.duration_s, 3),
            },
            "made_by": dict(record.made_by),
            "manifest": record.manifest,
        },
        sort_keys=True,
        indent=1,
    ).encode()
    return hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload


def decode(key: ActionKey, content: bytes) -> ActionRecord | None:
    checksum, _, payload = content.partition(b"\n")
    if hashlib.sha256(payload).hexdigest().encode() != checksum:
        return None
    fields = json.loads(payload)
    if fields.get("schema") != SCHEMA or fields.get("key") != key:
        return None
    stored = fields["result"]
    result = ActionResult(
        ImageDigest(stored["digest"]),
        tuple(Blob(Digest(digest), size) for digest, size in stored["blobs"]),
        stored["unpacked_bytes"],
        stored["duration_s"],
    )
    return ActionRecord(key, fields["manifest"], result, fields["made_by"])
