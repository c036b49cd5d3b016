"""In what two images differ."""

import json
from collections.abc import Mapping

from buildsys.images.contents import ImageFile, files_of
from buildsys.images.stored import StoredImage


def first_difference(cached: StoredImage, clean: StoredImage) -> str:
    """The first file in which they differ, else what else it is; the digests are known to differ."""
    return (
        file_difference(files_of(cached), files_of(clean))
        or _config_difference(json.loads(cached.config()), json.loads(clean.config()))
        or "the same files are packed into other layers"
    )


def file_difference(cached: Mapping[str, ImageFile], clean: Mapping[str, ImageFile]) -> str:
    """Empty if all paths are alike; folders' times count like files'."""
    for path in sorted({*cached, *clean}):
        before, after = cached.get(path), clean.get(path)
        if before is None or after is None:
            return f"{path} is only in the {'clean' if before is None else 'cached'} image"
        if before.digest != after.digest:
            return f"{path} has another content ({before.size} bytes cached, {after.size} clean)"
        for field in ("kind", "mode", "uid", "gid", "time", "target", "layer"):
            old, new = getattr(before, field), getattr(after, field)
            if old != new:
                return f"{path} has another {field} ({old} cached, {new} clean)"
    return ""


def _config_difference(cached: Mapping[str, object], clean: Mapping[str, object]) -> str:
    for name in sorted({*cached, *clean} - {"rootfs"}):
        if cached.get(name) != clean.get(name):
            return f"the configuration's `{name}` differs ({cached.get(name)} cached, {clean.get(name)} clean)"
    return ""
