"""Exports an image as `docker save` would: a tar that every `docker load` understands.

Layers are written uncompressed: Docker before 23 reads no zstd. Format: moby `image/spec/v1.2`.
"""

import io
import json
import os
import shutil
import tarfile
import tempfile
from typing import IO, BinaryIO

from buildsys.errors import MachineError
from buildsys.images.stored import StoredImage
from buildsys.model.action import ActionResult
from buildsys.model.digest import Digest, hex_of
from buildsys.store import durable
from buildsys.store.blobs import Blobs
from buildsys.store.layers import opened


def write_docker_archive(blobs: Blobs, result: ActionResult, tag: str, path: str) -> None:
    """Write a docker-loadable tar.

    Raises:
        MachineError: a blob is damaged, or the file can't be written.
    """
    temporary = f"{path}.tmp-{os.getpid()}"
    with durable.cannot_write(path):
        try:
            with open(temporary, "wb") as file:
                stream_docker_archive(blobs, result, [tag], file)
            os.replace(temporary, path)
        finally:
            if os.path.exists(temporary):
                os.unlink(temporary)


def stream_docker_archive(
    blobs: Blobs, result: ActionResult, tags: list[str], into: IO[bytes]
) -> None:
    image = StoredImage(blobs, result)
    config = image.config()
    config_name = f"{hex_of(image.result.blobs[1].digest)}.json"
    names = [f"{hex_of(diff_id)}/layer.tar" for diff_id in image.diff_ids()]
    manifest = [{"Config": config_name, "RepoTags": tags, "Layers": names}]
    with tarfile.open(fileobj=into, mode="w", format=tarfile.PAX_FORMAT) as tar:
        _add_bytes(tar, config_name, config)
        for name, diff_id, path in zip(names, image.diff_ids(), image.layers(), strict=True):
            _add_layer(tar, name, diff_id, path)
        _add_bytes(tar, "manifest.json", json.dumps(manifest).encode())


def _add_layer(tar: tarfile.TarFile, name: str, diff_id: Digest, path: str) -> None:
    with opened(path) as plain, tempfile.TemporaryFile() as spool:
        shutil.copyfileobj(plain, spool)
        member = tarfile.TarInfo(name)
        member.size = spool.tell()
        spool.seek(0)
        if _digest(spool) != diff_id:
            raise MachineError(f"layer {diff_id} unpacks to something else", hint="bs build all")
        spool.seek(0)
        tar.addfile(member, spool)


def _digest(file: IO[bytes] | BinaryIO) -> Digest:
    import hashlib  # noqa: PLC0415

    return Digest("sha256:" + hashlib.file_digest(file, "sha256").hexdigest())  # type: ignore[arg-type]


def _add_bytes(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
