"""Digests and keys: hex SHA-256, told apart by type.

xxHash takes no part here: a key may leave the machine, and xxHash has cheap second preimages.
"""

import hashlib
import re
from typing import NewType

Digest = NewType("Digest", str)
"""`sha256:…` of file content or of a blob."""

ImageDigest = NewType("ImageDigest", str)
"""`sha256:…` of an OCI image manifest."""

ActionKey = NewType("ActionKey", str)
"""Hex SHA-256 of an action's manifest; the cache key."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def digest_of(content: bytes) -> Digest:
    return Digest("sha256:" + hashlib.sha256(content).hexdigest())


def is_digest(text: object) -> bool:
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None


def hex_of(digest: Digest | ImageDigest) -> str:
    return digest.removeprefix("sha256:")
