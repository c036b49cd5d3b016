"""One reference for the images of several platforms (image-spec, image-index.md)."""

import json
from collections.abc import Mapping

from buildsys.registry.client import INDEX_TYPE
from buildsys.release.compression import PackedImage
from buildsys.store.layers import descriptor


def index_of(images: Mapping[str, PackedImage]) -> PackedImage:
    """The index of images by platform."""
    manifests = []
    for platform, image in sorted(images.items()):
        system, _, machine = platform.partition("/")
        named = descriptor(image.media_type, image.digest, len(image.manifest))
        manifests.append(named | {"platform": {"architecture": machine, "os": system}})
    content = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": manifests}
    return PackedImage(
        json.dumps(content, sort_keys=True, separators=(",", ":")).encode(), (), INDEX_TYPE
    )
