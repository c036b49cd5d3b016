"""Manifests as canonical bytes: their key, and the same manifest with another input. Imports next to nothing.

What stands in a manifest as `"name":"value"` is a pair of a mapping: inside a JSON text every quote has a
backslash before it.
"""

import hashlib

_TAG = b"buildsys action\0"
"""Keeps these hashes apart from any other use of SHA-256 over JSON."""


def key_of(encoded: bytes) -> str:
    return hashlib.sha256(_TAG + encoded).hexdigest()


def input_pair(path: str, digest: str, *, executable: bool) -> bytes | None:
    """How a regular file stands in a manifest; None for a path that JSON would spell otherwise."""
    if not path.isascii() or not path.isprintable() or '"' in path or "\\" in path:
        return None
    return f'"{path}":"{"x " if executable else ""}{digest}"'.encode()


def with_layer(encoded: bytes, before: str, after: str) -> bytes:
    """The manifest on top of another layer."""
    return encoded.replace(b'"%s"' % before.encode(), b'"%s"' % after.encode())
