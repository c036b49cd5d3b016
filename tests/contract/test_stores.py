"""The contract of `ActionCache` and `BlobStore`, for the store on disk and its double."""

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Protocol

import pytest

from buildsys.errors import MachineError
from buildsys.execution.ports import ActionCache, ActionRecord, BlobStore
from buildsys.model.action import ActionResult, Blob
from buildsys.model.digest import ActionKey, ImageDigest, digest_of
from buildsys.store.disk_store import DiskStore
from tests.fakes import MemoryStore, SpoilingStore, blob_path, tar_of, write_image

KEY = ActionKey("ab" + "1" * 62)
OTHER_KEY = ActionKey("ab" + "2" * 62)


class Store(ActionCache, BlobStore, Protocol):
    """What every implementation is."""


def _disk(folder: str) -> Store:
    return DiskStore(folder, "linux/amd64", lambda _warning: None)


def _spoiling(folder: str) -> Store:
    return SpoilingStore(MemoryStore(folder), MachineError("never"))


@pytest.fixture(params=[_disk, MemoryStore, _spoiling], ids=["disk", "memory", "spoiling"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    make: Callable[[str], Store] = request.param
    return make(str(tmp_path / "store"))


def packer(content: bytes) -> Callable[[BinaryIO], None]:
    def pack(into: BinaryIO) -> None:
        into.write(tar_of({"file": content}))

    return pack


def record(store: Store, key: ActionKey = KEY, content: bytes = b"one") -> ActionRecord:
    blobs = store.sealed(packer(content))
    result = ActionResult(ImageDigest(blobs[0].digest), blobs, 3, 0.5)
    return ActionRecord(key, {"schema": 1, "content": content.decode()}, result, {"host": "here"})


def content_of(store: Store, blob: Blob) -> bytes:
    return Path(blob_path(store.layout, blob.digest)).read_bytes()


def test_an_unknown_key_is_a_miss(store: Store) -> None:
    assert store.get(KEY) is None
    assert store.manifest(KEY) is None


def test_what_was_put_is_got(store: Store) -> None:
    put = record(store)
    store.put(put)
    assert store.get(KEY) == put.result
    assert store.manifest(KEY) == put.manifest
    assert store.get(OTHER_KEY) is None


def test_what_was_forgotten_is_unknown_until_it_is_put_again(store: Store) -> None:
    store.forget(KEY)
    put = record(store)
    for _ in range(2):
        store.put(put)
        store.put(record(store, OTHER_KEY))
        store.forget(KEY)
        assert store.get(KEY) is None
        assert store.manifest(KEY) is None
        assert store.get(OTHER_KEY) is not None


def test_a_second_put_replaces_the_first(store: Store) -> None:
    store.put(record(store))
    second = record(store, content=b"two")
    store.put(second)
    assert store.get(KEY) == second.result


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_result_without_one_of_its_blobs_is_a_miss_whose_manifest_is_known(
    store: Store, which: int
) -> None:
    put = record(store)
    store.put(put)
    os.unlink(blob_path(store.layout, put.result.blobs[which].digest))
    assert store.get(KEY) is None
    assert store.manifest(KEY) == put.manifest


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_result_with_a_damaged_blob_is_a_miss_until_it_is_put_again(
    store: Store, which: int
) -> None:
    put = record(store)
    store.put(put)
    path = blob_path(store.layout, put.result.blobs[which].digest)
    os.chmod(path, 0o644)
    Path(path).write_bytes(b"?" * put.result.blobs[which].size_bytes)
    assert store.get(KEY) is None
    store.put(record(store))
    assert store.get(KEY) == put.result


def test_the_result_of_another_key_is_untouched_by_damage(store: Store) -> None:
    one, two = record(store), record(store, OTHER_KEY, b"two")
    store.put(one)
    store.put(two)
    os.unlink(blob_path(store.layout, one.result.blobs[2].digest))
    assert store.get(OTHER_KEY) == two.result


def test_a_sealed_layer_is_an_image_of_exactly_the_packed_bytes(store: Store) -> None:
    manifest, config, layer = store.sealed(packer(b"x"), environment=("A=1",))
    assert content_of(store, layer) == tar_of({"file": b"x"})
    assert json.loads(content_of(store, config))["config"]["Env"] == ["A=1"]
    assert json.loads(content_of(store, config))["rootfs"]["diff_ids"] == [layer.digest]
    described = json.loads(content_of(store, manifest))
    assert described["config"]["digest"] == config.digest
    assert [one["digest"] for one in described["layers"]] == [layer.digest]
    for blob in (manifest, config, layer):
        assert digest_of(content_of(store, blob)) == blob.digest
        assert len(content_of(store, blob)) == blob.size_bytes


def test_sealing_the_same_twice_gives_the_same(store: Store) -> None:
    assert store.sealed(packer(b"x")) == store.sealed(packer(b"x"))


def test_an_export_has_the_known_blobs_and_goes_away(store: Store) -> None:
    (_, _, layer) = store.sealed(packer(b"x"))
    with store.exporting([layer.digest, layer.digest]) as folder:
        assert Path(blob_path(folder, layer.digest)).read_bytes() == content_of(store, layer)
    assert not os.path.exists(folder)
    assert content_of(store, layer)


def test_two_exports_at_once_are_apart(store: Store) -> None:
    with store.exporting() as one, store.exporting() as two:
        assert one != two


def test_an_adopted_image_is_there_with_all_its_blobs(store: Store) -> None:
    with store.exporting() as folder:
        exported = write_image(folder, tar_of({"file": b"abc"}))
        adopted = store.adopt(folder, ImageDigest(exported[0].digest))
    assert adopted == exported
    assert [digest_of(content_of(store, blob)) for blob in adopted] == [
        blob.digest for blob in exported
    ]
    assert store.unpacked_bytes(adopted[2].digest) == 3


def test_a_lock_keeps_others_out_and_other_keys_free(store: Store) -> None:
    entered = threading.Event()

    def enter() -> None:
        with store.lock(KEY):
            entered.set()

    other = threading.Thread(target=enter)
    with store.lock(KEY):
        with store.lock(OTHER_KEY):
            other.start()
        assert not entered.is_set()
    other.join(timeout=20)
    assert entered.is_set()


def test_a_result_is_taken_over_from_another_store(tmp_path: Path) -> None:
    one, two = (DiskStore(str(tmp_path / n), "linux/amd64", lambda _: None) for n in "ab")
    made = record(one)
    one.put(made)
    assert not two.copy(one, OTHER_KEY)
    assert two.copy(one, KEY)
    assert two.get(KEY) == made.result
    assert two.manifest(KEY) == made.manifest
    Path(blob_path(one.layout, made.result.blobs[2].digest)).write_bytes(b"damaged")
    three = DiskStore(str(tmp_path / "c"), "linux/amd64", lambda _: None)
    assert not three.copy(one, KEY)
