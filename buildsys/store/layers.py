"""Layers of images: how they are compressed, what is in them, an image around a single one."""

import gzip
import json
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, cast

from buildsys.errors import MachineError
from buildsys.model.digest import Digest

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
TAR_TYPE = "application/vnd.oci.image.layer.v1.tar"
ZSTD_TYPE = TAR_TYPE + "+zstd"
GZIP_TYPE = TAR_TYPE + "+gzip"

_ZSTD = b"\x28\xb5\x2f\xfd"
_LARGEST_TEXT = 256 << 20
_GZIP = b"\x1f\x8b"


@contextmanager
def opened(path: str) -> Iterator[IO[bytes]]:
    """The uncompressed bytes of a layer; its magic number tells how it is compressed."""
    with open(path, "rb") as file:
        magic = file.read(4)
        file.seek(0)
        if magic == _ZSTD:
            import zstandard  # noqa: PLC0415 - 15 ms that a no-op doesn't need

            with zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True) as plain:
                yield plain
        elif magic.startswith(_GZIP):
            with gzip.open(file) as plain_gzip:
                yield cast("IO[bytes]", plain_gzip)
        else:
            yield file


def compress(path: str) -> str:
    """The path of a zstd copy beside `path`; the same bytes in give the same bytes out."""
    import zstandard  # noqa: PLC0415

    target = path + ".zst"
    with open(path, "rb") as plain, open(target, "wb") as packed:
        zstandard.ZstdCompressor(level=3, threads=2).copy_stream(plain, packed)
    return target


def unpacked_bytes(path: str) -> int:
    """The sizes of the regular files in a layer, added up: what `docker images` counts."""
    with opened(path) as plain, tarfile.open(fileobj=plain, mode="r|") as layer:
        return sum(member.size for member in layer if member.isreg())


def texts(path: str) -> dict[str, str]:
    """Name → content of the files in a layer that has nothing but some texts.

    Raises:
        MachineError: the layer is another one.
    """
    found: dict[str, str] = {}
    try:
        with opened(path) as plain, tarfile.open(fileobj=plain, mode="r|") as layer:
            for member in layer:
                file = layer.extractfile(member) if member.size <= _LARGEST_TEXT else None
                if file is not None:
                    found[member.name.rpartition("/")[2]] = file.read().decode()
    except (OSError, EOFError, UnicodeError, tarfile.TarError) as error:
        raise MachineError(f"layer {path} can't be read: {error}") from None
    return found


def image_config(diff_ids: list[Digest], platform: str, config: Mapping[str, object]) -> bytes:
    """An OCI image config without times, so that equal layers make equal images."""
    system, _, machine = platform.partition("/")
    return _json(
        {
            "architecture": machine,
            "os": system,
            "config": dict(config),
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        }
    )


def image_manifest(config: Mapping[str, object], layers: list[Mapping[str, object]]) -> bytes:
    return _json(
        {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": layers}
    )


def descriptor(media_type: str, digest: Digest, size_bytes: int) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest, "size": size_bytes}


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
