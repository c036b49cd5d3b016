"""Layers become a root file system: later ones over earlier ones, none outside of it."""

import io
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from buildsys.containers.unpack import unpack
from buildsys.errors import MachineError
from buildsys.images.stored import StoredImage
from tests.unit.store.support import Place, seal


@dataclass(frozen=True)
class Layers(StoredImage):
    """An image of given tars."""

    paths: tuple[str, ...] = ()

    def layers(self) -> list[str]:
        return list(self.paths)


def layer(path: Path, *members: tuple[str, bytes | str]) -> str:
    """A tar; a text is a symlink's target, a name that ends in / is a folder."""
    with tarfile.open(path, "w") as tar:
        for name, content in members:
            member = tarfile.TarInfo(name.rstrip("/"))
            if name.endswith("/"):
                member.type, member.mode = tarfile.DIRTYPE, 0o755
            elif isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
            else:
                member.size = len(content)
            tar.addfile(member, io.BytesIO(content) if isinstance(content, bytes) else None)
    return str(path)


def unpacked(tmp_path: Path, *layers: list[tuple[str, bytes | str]]) -> Path:
    paths = [layer(tmp_path / f"{n}.tar", *members) for n, members in enumerate(layers)]
    store = Place(str(tmp_path / "store")).store()
    image = Layers(store.blobs, seal(store, {"a": b""}), tuple(paths))
    unpack(image, str(tmp_path / "root"))
    return tmp_path / "root"


def test_later_layers_replace_and_remove(tmp_path: Path) -> None:
    root = unpacked(
        tmp_path,
        [("etc/", b""), ("etc/a", b"1"), ("etc/b", b"1"), ("d/", b""), ("d/x", b"1")],
        [("etc/a", b"2"), ("etc/.wh.b", b""), ("d/.wh..wh..opq", b""), ("d/y", b"2")],
    )
    assert (root / "etc/a").read_bytes() == b"2"
    assert not (root / "etc/b").exists()
    assert sorted(os.listdir(root / "d")) == ["y"]


def test_a_link_inside_the_image_is_followed(tmp_path: Path) -> None:
    root = unpacked(tmp_path, [("real/", b""), ("link", "real")], [("link/a", b"1")])
    assert (root / "real/a").read_bytes() == b"1"


def test_a_layer_that_reaches_out_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    with pytest.raises(MachineError, match="leads out of the image"):
        unpacked(tmp_path, [("link", str(tmp_path / "outside"))], [("link/a", b"1")])
    assert os.listdir(tmp_path / "outside") == []


def test_names_that_climb_stay_inside(tmp_path: Path) -> None:
    root = unpacked(tmp_path, [("../../a", b"1")])
    assert (root / "a").read_bytes() == b"1"
