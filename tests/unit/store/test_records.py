"""Records: a damaged one is a miss, whatever the damage."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildsys.execution.ports import ActionRecord
from buildsys.model.action import ActionResult, Blob
from buildsys.model.digest import ActionKey, Digest, ImageDigest, digest_of
from buildsys.store import records
from tests.unit.store.support import KEY, OTHER_KEY, Place, flip, put

DIGEST = Digest("sha256:" + "5" * 64)
RECORD = ActionRecord(
    KEY,
    {"schema": 1, "inputs": {"sources": {"é\u2028.go": "-> x"}}},
    ActionResult(ImageDigest(DIGEST), (Blob(DIGEST, 3), Blob(DIGEST, 4)), 7, 1.25),
    {"host": "here"},
)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(str(tmp_path / "store"))


def test_decoding_gives_back_what_was_encoded() -> None:
    assert records.decode(KEY, records.encode(RECORD)) == RECORD


@given(
    st.text(),
    st.dictionaries(st.text(), st.text()),
    st.floats(0, 1e6).map(lambda seconds: round(seconds, 3)),
)
def test_any_record_comes_back(path: str, made_by: dict[str, str], duration: float) -> None:
    result = ActionResult(ImageDigest(DIGEST), (Blob(DIGEST, 3),), 7, duration)
    record = ActionRecord(KEY, {"inputs": {"sources": {path: "x"}}}, result, made_by)
    assert records.decode(KEY, records.encode(record)) == record


def test_a_record_under_another_key_is_none() -> None:
    assert records.decode(OTHER_KEY, records.encode(RECORD)) is None


def test_a_record_of_another_schema_is_none() -> None:
    _, _, payload = records.encode(RECORD).partition(b"\n")
    other = json.dumps({**json.loads(payload), "schema": 2}).encode()
    checksum = digest_of(other).removeprefix("sha256:").encode()
    assert records.decode(KEY, checksum + b"\n" + other) is None


def test_a_record_cut_at_any_byte_is_a_miss(place: Place) -> None:
    store = place.store()
    put(store)
    content = Path(place.record_path()).read_bytes()
    for length in range(len(content)):
        Path(place.record_path()).write_bytes(content[:length])
        assert store.get(KEY) is None, length
        assert store.manifest(KEY) is None, length


def test_a_record_with_any_byte_changed_is_a_miss(place: Place) -> None:
    store = place.store()
    put(store)
    size = Path(place.record_path()).stat().st_size
    for position in range(size):
        flip(place.record_path(), position * 8 + position % 8)
        assert store.get(KEY) is None, position
        flip(place.record_path(), position * 8 + position % 8)
    assert store.get(KEY) is not None


@pytest.mark.slow
def test_a_record_with_any_bit_flipped_decodes_to_none() -> None:
    content = records.encode(RECORD)
    for bit in range(len(content) * 8):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        assert records.decode(KEY, bytes(damaged)) is None, bit


def valid_checksum(payload: bytes) -> bytes:
    return digest_of(payload).removeprefix("sha256:").encode() + b"\n" + payload


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b"1",
        b"{}",
        b'{"schema": 1}',
        json.dumps({"schema": 1, "key": KEY, "result": 1}).encode(),
        json.dumps({"schema": 1, "key": KEY, "result": {"digest": 1, "blobs": [1]}}).encode(),
        b"\xff\xfe",
    ],
)
def test_nonsense_with_a_right_checksum_is_a_miss_too(place: Place, payload: bytes) -> None:
    store = place.store()
    put(store)
    Path(place.record_path()).write_bytes(valid_checksum(payload))
    assert store.get(ActionKey(KEY)) is None


def test_a_folder_in_the_place_of_a_record_is_a_miss(place: Place) -> None:
    Path(place.record_path()).mkdir(parents=True)
    assert place.store().get(KEY) is None
