"""Unpacks an image into a root file system, layer upon layer (OCI image-spec, layer.md)."""

import os
import shutil
import tarfile

from buildsys.errors import MachineError
from buildsys.images.stored import StoredImage
from buildsys.store.layers import opened

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"


def unpack(image: StoredImage, root: str) -> None:
    """Unpack `image` into the new folder `root`.

    Raises:
        MachineError: a blob is damaged, or a layer reaches out of `root`.
    """
    os.makedirs(root)
    for layer in image.layers():
        with opened(layer) as plain, tarfile.open(fileobj=plain, mode="r|") as tar:
            for member in tar:
                _apply(tar, member, root)


def _apply(tar: tarfile.TarFile, member: tarfile.TarInfo, root: str) -> None:
    folder, name = os.path.split(os.path.normpath("/" + member.name))
    inside = _inside(root, folder)
    target = os.path.join(inside, name)
    if name == _OPAQUE:
        shutil.rmtree(inside)
        os.mkdir(inside)
    elif name.startswith(_WHITEOUT):
        _remove(os.path.join(inside, name.removeprefix(_WHITEOUT)))
    else:
        if not (member.isdir() and os.path.isdir(target) and not os.path.islink(target)):
            _remove(target)
        if member.islnk():
            linked = os.path.split(os.path.normpath("/" + member.linkname))
            os.link(
                os.path.join(_inside(root, linked[0]), linked[1]), target, follow_symlinks=False
            )
        else:
            member.name = os.path.relpath(target, root)
            tar.extract(member, root, numeric_owner=True)


def _inside(root: str, folder: str) -> str:
    """The real path of `folder` in `root`: a symlink in a layer must not lead out of it."""
    real = os.path.realpath(root)
    path = os.path.realpath(os.path.join(real, folder.lstrip("/")))
    if os.path.commonpath((real, path)) != real:
        raise MachineError(f"the image's `{folder}` leads out of the image")
    os.makedirs(path, exist_ok=True)
    return path


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)
