"""Layers in gzip: the same bytes each time, and none are written to know what they would come to."""

import gzip
import json
from pathlib import Path

import pytest

from buildsys.errors import MachineError
from buildsys.images.stored import StoredImage
from buildsys.model.digest import digest_of
from buildsys.release.compression import PackedImage, packed
from buildsys.release.order import Compression
from buildsys.store.disk_store import DiskStore
from tests.unit.store.support import Place, seal


@pytest.fixture
def store(tmp_path: Path) -> DiskStore:
    return Place(str(tmp_path / "store")).store()


def image(store: DiskStore) -> StoredImage:
    return StoredImage(store.blobs, seal(store, {"file": b"content" * 999}, compressed=True))


def pack(image: StoredImage, scratch: Path, how: Compression = Compression.GZIP) -> PackedImage:
    scratch.mkdir(exist_ok=True)
    return packed(image, how, str(scratch))


def test_as_it_was_built_an_image_keeps_its_digest(store: DiskStore, tmp_path: Path) -> None:
    built = image(store)
    found = pack(built, tmp_path / "1", Compression.ZSTD)
    assert found.digest == built.result.blobs[0].digest
    assert [content.blob for content in found.contents] == list(built.result.blobs[1:])


def test_layers_are_what_the_configuration_says_of_them_unpacked(
    store: DiskStore, tmp_path: Path
) -> None:
    built = image(store)
    found = pack(built, tmp_path / "1")
    manifest = json.loads(found.manifest)
    (layer,) = manifest["layers"]
    assert layer["mediaType"] == "application/vnd.oci.image.layer.v1.tar+gzip"
    with found.contents[1].opened() as file:
        content = file.read()
    assert (layer["digest"], layer["size"]) == (digest_of(content), len(content))
    assert [digest_of(gzip.decompress(content))] == built.diff_ids()
    assert manifest["config"]["digest"] == built.result.blobs[1].digest


def test_the_same_image_is_the_same_again_and_known_without_compressing(
    store: DiskStore, tmp_path: Path
) -> None:
    first = pack(image(store), tmp_path / "1")
    second = pack(image(store), tmp_path / "2")
    assert second.manifest == first.manifest
    assert list((tmp_path / "2").iterdir()) == []
    with first.contents[1].opened() as one, second.contents[1].opened() as other:
        assert one.read() == other.read()


def test_a_memory_that_is_wrong_spoils_no_push(store: DiskStore, tmp_path: Path) -> None:
    found = pack(image(store), tmp_path / "1")
    (memo,) = (tmp_path / "store" / "gzip").iterdir()
    memo.write_text(f"sha256:{'0' * 64} 5")
    wrong = pack(image(store), tmp_path / "2")
    with pytest.raises(MachineError, match="compressed otherwise"):
        wrong.contents[1].opened()
    assert pack(image(store), tmp_path / "3").manifest == found.manifest


def test_what_is_gzip_stays_as_it_is(store: DiskStore, tmp_path: Path) -> None:
    built = image(store)
    again = pack(built, tmp_path / "1")
    config, layer = again.contents
    with layer.opened() as file:
        blobs = (store.blobs.add(again.manifest), config.blob, store.blobs.add(file.read()))
    result = type(built.result)(again.digest, blobs, 0)  # type: ignore[arg-type]
    assert pack(StoredImage(store.blobs, result), tmp_path / "2").digest == again.digest
