"""The files of an image as a container sees them: its layers laid on top of each other.

Formats: OCI image-spec, layer.md (whiteouts); tar.
"""

import hashlib
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from buildsys.images.stored import StoredImage
from buildsys.model.digest import Digest
from buildsys.store.layers import opened

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_KINDS = {
    tarfile.REGTYPE: "file", tarfile.DIRTYPE: "folder", tarfile.SYMTYPE: "link",
    tarfile.CHRTYPE: "device", tarfile.BLKTYPE: "device", tarfile.FIFOTYPE: "pipe",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One path of an image, absolute. `layer` counts from the bottom, from 0."""

    path: str
    layer: int
    kind: str
    """`file`, `folder`, `link`, `device` or `pipe`; hard links are files."""
    mode: int
    uid: int
    gid: int
    time: int
    """Unix time of the last change."""
    size: int = 0
    digest: Digest | None = None
    """Of a file's content."""
    target: str = ""
    """What a symbolic link points to."""


Reader = Callable[[str, bytes], None]
"""Is given the path and the content of each regular file of each layer, from the bottom up."""


def files_of(
    image: StoredImage,
    read: Reader | None = None,
    on_layer: Callable[[int], None] = lambda _number: None,
) -> dict[str, ImageFile]:
    """Path → what is there, in the order of paths; `on_layer` is told before each layer, from 0.

    Raises:
        MachineError: a layer is missing or damaged.
    """
    files: dict[str, ImageFile] = {}
    for number, layer in enumerate(image.layers()):
        on_layer(number)
        # A whiteout hides what is below its layer, wherever it stands in the layer.
        added: dict[str, ImageFile] = {}
        hidden: list[str] = []
        for member, content in _members(layer):
            path = "/" + member.name.strip("/").removeprefix("./")
            folder, _, name = path.rpartition("/")
            if name == _OPAQUE:
                hidden.append(folder + "/")
            elif name.startswith(_WHITEOUT):
                removed = f"{folder}/{name.removeprefix(_WHITEOUT)}"
                hidden += [removed, removed + "/"]
            else:
                added[path] = _image_file(path, number, member, content)
                if member.islnk():
                    linked = "/" + member.linkname.strip("/").removeprefix("./")
                    added[path] = _linked(added[path], added.get(linked) or files.get(linked))
                if read is not None and member.isreg():
                    read(path, content)
        _lay_upon(files, added, hidden)
    return dict(sorted(files.items()))


def _members(layer: str) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    with opened(layer) as plain, tarfile.open(fileobj=plain, mode="r|") as tar:
        for member in tar:
            file = tar.extractfile(member) if member.isreg() else None
            yield member, file.read() if file else b""


def _image_file(path: str, layer: int, member: tarfile.TarInfo, content: bytes) -> ImageFile:
    digest = Digest("sha256:" + hashlib.sha256(content).hexdigest()) if member.isreg() else None
    return ImageFile(
        path=path,
        layer=layer,
        kind="file" if member.islnk() else _KINDS.get(member.type, "file"),
        mode=member.mode & 0o7777,
        uid=member.uid,
        gid=member.gid,
        time=int(member.mtime),
        size=member.size,
        digest=digest,
        target=member.linkname if member.issym() else "",
    )


def _linked(file: ImageFile, to: ImageFile | None) -> ImageFile:
    return replace(file, size=to.size, digest=to.digest) if to else file


def _lay_upon(files: dict[str, ImageFile], added: dict[str, ImageFile], hidden: list[str]) -> None:
    exact = {path for path in hidden if not path.endswith("/")}
    below = tuple(path for path in hidden if path.endswith("/"))
    # What takes the place of a folder hides all that was in it.
    below += tuple(
        path + "/" for path, file in added.items() if file.kind != "folder" and path in files
    )
    for path in [p for p in files if p in exact or p.startswith(below)] if exact or below else ():
        del files[path]
    files.update(added)


def resolved(files: dict[str, ImageFile], path: str, *, hops: int = 16) -> ImageFile | None:
    """The file that `path` means, by way of symbolic links; None if there is none.

    Links among the folders of the path count as well.
    """
    seen: list[str] = []
    left = [part for part in path.split("/") if part]
    while left:
        part = left.pop(0)
        if part in {"", "."}:
            continue
        if part == "..":
            seen = seen[:-1]
            continue
        found = files.get("/" + "/".join([*seen, part]))
        if found is not None and found.kind == "link":
            hops -= 1
            if hops < 0:
                return None
            if found.target.startswith("/"):
                seen = []
            left = [*found.target.split("/"), *left]
            continue
        seen.append(part)
    return files.get("/" + "/".join(seen))
