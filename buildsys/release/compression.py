"""Images with their layers compressed as registries and what pulls from them want it.

The store has zstd. Where gzip is asked for, layers are written anew, without time and name: the same layer
gives the same bytes, as long as zlib is the same. What they come to is remembered, so that an image's manifest
is known without compressing anything.
"""

import gzip
import json
import os
import shutil
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO

from buildsys.errors import MachineError
from buildsys.images.stored import StoredImage
from buildsys.model.action import Blob
from buildsys.model.digest import Digest, digest_of, hex_of, is_digest
from buildsys.release.order import Compression
from buildsys.store import durable
from buildsys.store.blobs import hash_file
from buildsys.store.layers import GZIP_TYPE, MANIFEST_TYPE, descriptor, opened

_LEVEL = 6


@dataclass(frozen=True, slots=True)
class Content:
    """A blob, and how its bytes are read, as often as it takes."""

    blob: Blob
    opened: Callable[[], BinaryIO]


@dataclass(frozen=True, slots=True)
class PackedImage:
    """An image as a registry gets it: its manifest, and config and layers."""

    manifest: bytes
    contents: tuple[Content, ...]
    media_type: str = MANIFEST_TYPE

    @property
    def digest(self) -> Digest:
        return digest_of(self.manifest)


def packed(image: StoredImage, compression: Compression, scratch: str) -> PackedImage:
    """The image with its layers compressed so; `scratch` is a folder for those that are written anew.

    Raises:
        MachineError: a blob is missing or damaged.
    """
    config, *layers = (Content(blob, _file(image, blob)) for blob in image.result.blobs[1:])
    manifest = json.loads(image.manifest())
    if compression is Compression.ZSTD:
        # As it was built: the digest is the one that the store knows it by.
        return PackedImage(image.manifest(), (config, *layers))
    again: list[Content] = []
    for layer, described in zip(layers, manifest["layers"], strict=True):
        changed = _gzipped(image, layer.blob, described, scratch)
        again.append(changed or layer)
    manifest["layers"] = [
        _described(content.blob, one)
        for content, one in zip(again, manifest["layers"], strict=True)
    ]
    return PackedImage(
        json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode(), (config, *again)
    )


def _described(blob: Blob, before: dict[str, Any]) -> dict[str, Any]:
    if blob.digest == before["digest"]:
        return before
    return descriptor(GZIP_TYPE, blob.digest, blob.size_bytes)


def _gzipped(
    image: StoredImage, layer: Blob, described: dict[str, Any], scratch: str
) -> Content | None:
    """The layer in gzip; None if that is what it is."""
    if described["mediaType"].endswith("gzip"):
        return None
    path = os.path.join(scratch, hex_of(layer.digest))
    memo = os.path.join(
        image.blobs.root, "gzip", f"{hex_of(layer.digest)}-{_LEVEL}-{zlib.ZLIB_RUNTIME_VERSION}"
    )
    known = _remembered(memo)
    if known is None:
        known = _compress(image, layer, path, memo)
    return Content(known, partial(_open_gzipped, image, layer, known, path, memo))


def _remembered(memo: str) -> Blob | None:
    digest, _, size = (durable.read(memo) or b"").decode(errors="replace").partition(" ")
    return Blob(Digest(digest), int(size)) if is_digest(digest) and size.isdigit() else None


def _open_gzipped(image: StoredImage, layer: Blob, known: Blob, path: str, memo: str) -> BinaryIO:
    if not os.path.exists(path) and _compress(image, layer, path, memo) != known:
        raise MachineError(
            f"layer {layer.digest} is compressed otherwise than it was", hint="push again"
        )
    return open(path, "rb")


def _compress(image: StoredImage, layer: Blob, path: str, memo: str) -> Blob:
    temporary = f"{path}.tmp"
    with (
        durable.cannot_write(path),
        opened(image.path(layer)) as plain,
        open(temporary, "wb") as file,
        gzip.GzipFile("", "wb", _LEVEL, file, mtime=0) as packing,
    ):
        shutil.copyfileobj(plain, packing, 1 << 20)
    os.replace(temporary, path)
    made = Blob(hash_file(path), os.path.getsize(path))
    with durable.cannot_write(memo):
        os.makedirs(os.path.dirname(memo), exist_ok=True)
    durable.write(memo, f"{made.digest} {made.size_bytes}".encode())
    return made


def _file(image: StoredImage, blob: Blob) -> Callable[[], BinaryIO]:
    return lambda: open(image.path(blob), "rb")
