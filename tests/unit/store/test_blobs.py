"""Blobs: one that is gone or damaged is a miss, is told, is set aside and made again."""

import os
from pathlib import Path

import pytest

from buildsys.errors import MachineError
from tests.unit.store.support import KEY, Place, flip, put, rewrite

BLOBS = {"manifest": 0, "config": 1, "layer": 2}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(str(tmp_path / "store"))


@pytest.mark.parametrize("which", BLOBS.values(), ids=BLOBS.keys())
def test_a_deleted_blob_is_a_miss_and_no_warning(place: Place, which: int) -> None:
    result = put(place.store())
    os.unlink(place.blob_path(result.blobs[which]))
    assert place.store().get(KEY) is None
    assert place.store().manifest(KEY) is not None
    assert place.warnings == []


@pytest.mark.parametrize("which", BLOBS.values(), ids=BLOBS.keys())
def test_a_truncated_blob_is_a_miss_a_warning_and_set_aside(place: Place, which: int) -> None:
    blob = put(place.store()).blobs[which]
    path = place.blob_path(blob)
    rewrite(path, Path(path).read_bytes()[:-1])
    assert place.store().get(KEY) is None
    assert place.warnings == [
        f"blob {blob.digest} in the store is damaged; it is set aside and made again"
    ]
    assert not os.path.exists(path)
    assert os.listdir(place.path("damaged")) == [os.path.basename(path)]


@pytest.mark.parametrize("which", BLOBS.values(), ids=BLOBS.keys())
def test_a_flipped_bit_is_found_though_size_and_mtime_are_as_they_were(
    place: Place, which: int
) -> None:
    blob = put(place.store()).blobs[which]
    flip(place.blob_path(blob), blob.size_bytes * 4)
    assert place.store().get(KEY) is None
    assert len(place.warnings) == 1


def test_damage_is_found_while_the_store_is_open(place: Place) -> None:
    store = place.store()
    blob = put(store).blobs[2]
    assert store.get(KEY) is not None
    flip(place.blob_path(blob), 0)
    assert store.get(KEY) is None


def test_what_was_set_aside_is_made_again(place: Place) -> None:
    result = put(place.store())
    for blob in result.blobs:
        flip(place.blob_path(blob), 3)
        assert place.store().get(KEY) is None
        assert put(place.store()) == result
        assert place.store().get(KEY) == result


def test_a_whole_blob_whose_time_changed_is_a_hit(place: Place) -> None:
    result = put(place.store())
    os.utime(place.blob_path(result.blobs[2]), ns=(1, 1))
    assert place.store().get(KEY) == result
    assert place.warnings == []


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"\n\n",
        b"sha256:x",
        b"sha256:x 1 2\n",
        b"sha256:x 1 2 3 4 5\n",
        b"sha256:x 1 2 3 four\n",
        b"\xff 1 2 3 4\n",
        b"{}",
    ],
)
def test_a_damaged_memory_costs_hashing_and_nothing_else(place: Place, damage: bytes) -> None:
    result = put(place.store())
    Path(place.path("verified")).write_bytes(damage)
    assert place.store().get(KEY) == result
    assert place.warnings == []
    memory = Path(place.path("verified")).read_bytes()
    assert all(blob.digest.encode() in memory for blob in result.blobs)


def test_the_memory_cut_at_any_byte_is_survived(place: Place) -> None:
    result = put(place.store())
    memory = Path(place.path("verified"))
    content = memory.read_bytes()
    for length in range(0, len(content), 7):
        memory.write_bytes(content[:length])
        assert place.store().get(KEY) == result


def test_a_memory_that_claims_a_damaged_blob_is_whole_is_not_believed(place: Place) -> None:
    """Its signature has the ctime, which nobody can set back."""
    blob = put(place.store()).blobs[2]
    memory = Path(place.path("verified")).read_bytes()
    flip(place.blob_path(blob), 9)
    Path(place.path("verified")).write_bytes(memory)
    assert place.store().get(KEY) is None


def test_a_small_blob_is_read_only_if_it_is_right(place: Place) -> None:
    store = place.store()
    result = put(store)
    assert store.blobs.read(result.digest) is not None
    flip(place.blob_path(result.blobs[0]), 1)
    assert store.blobs.read(result.digest) is None


def test_a_store_that_cannot_be_written_says_where(place: Place) -> None:
    Path(place.folder).parent.mkdir(exist_ok=True)
    Path(place.folder).write_text("a file in the place of the store")
    store = place.store()
    assert store.get(KEY) is None
    with pytest.raises(MachineError, match=r"can't write `.*store") as raised:
        put(store)
    assert "BS_CACHE_DIR" in raised.value.hint
    with pytest.raises(MachineError, match="can't write"), store.lock(KEY):
        pass
