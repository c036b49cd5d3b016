"""Exports an image as an OCI image layout (image-spec, image-layout.md)."""

import json
import os
import shutil

from buildsys.errors import UsageError
from buildsys.images.stored import StoredImage
from buildsys.model.action import ActionResult
from buildsys.model.digest import hex_of
from buildsys.store import durable
from buildsys.store.blobs import Blobs
from buildsys.store.layers import MANIFEST_TYPE


def write_layout(blobs: Blobs, result: ActionResult, name: str, folder: str) -> None:
    """Write the image as the only one of a new layout in `folder`.

    Raises:
        UsageError: `folder` has something in it already.
        MachineError: a blob is damaged, or the folder can't be written.
    """
    if os.path.isdir(folder) and os.listdir(folder):
        raise UsageError(f"`{folder}` isn't empty", hint="name a new folder")
    image = StoredImage(blobs, result)
    inside = os.path.join(folder, "blobs", "sha256")
    with durable.cannot_write(folder):
        os.makedirs(inside, exist_ok=True)
        for blob in result.blobs:
            shutil.copyfile(image.path(blob), os.path.join(inside, hex_of(blob.digest)))
    descriptor = {
        "mediaType": MANIFEST_TYPE,
        "digest": result.digest,
        "size": result.blobs[0].size_bytes,
        "annotations": {"org.opencontainers.image.ref.name": name},
    }
    index = {"schemaVersion": 2, "manifests": [descriptor]}
    durable.write(os.path.join(folder, "oci-layout"), b'{"imageLayoutVersion": "1.0.0"}')
    durable.write(os.path.join(folder, "index.json"), json.dumps(index).encode())
