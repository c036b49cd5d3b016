"""Records on the wire: whole, signed, for this key and place; anything else is refused."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildsys.errors import MachineError, UsageError
from buildsys.execution.ports import SharedResult
from buildsys.loading.cache_settings import PUBLIC_KEY
from buildsys.model.action import ActionResult, Blob
from buildsys.model.digest import ActionKey, ImageDigest, digest_of
from buildsys.registry.records import BadRecord, decode, encode
from buildsys.registry.signing import SignedBy, SigningKey, write_key

KEY, OTHER = ActionKey("1" * 64), ActionKey("2" * 64)
BLOBS = tuple(Blob(digest_of(text), len(text)) for text in (b"manifest", b"config", b"layer"))
FOUND = SharedResult(
    KEY, ActionResult(ImageDigest(BLOBS[0].digest), BLOBS, 7, 1.25), {"host": "a", "commit": "c"}
)
PLATFORM = {"architecture": "amd64", "os": "linux"}
ANYONE = SignedBy(())
MINE, THEIRS = SigningKey.generate(), SigningKey.generate()
RECORD = "dev.buildsys.record"


def test_what_was_encoded_is_decoded() -> None:
    content = encode(FOUND, "", None, PLATFORM)
    assert decode(content, KEY, "", ANYONE) == FOUND
    index = json.loads(content)
    assert index["manifests"][0]["platform"] == PLATFORM
    assert index["artifactType"] == "application/vnd.buildsys.result.v1"


@pytest.mark.parametrize(("key", "namespace"), [(OTHER, ""), (KEY, "pr-1")])
def test_a_record_is_for_one_key_and_one_place(key: ActionKey, namespace: str) -> None:
    with pytest.raises(BadRecord, match="another key"):
        decode(encode(FOUND, "", MINE, PLATFORM), key, namespace, ANYONE)


def test_signatures() -> None:
    signed = encode(FOUND, "", MINE, PLATFORM)
    assert decode(signed, KEY, "", SignedBy((THEIRS.public, MINE.public))) == FOUND
    with pytest.raises(BadRecord, match="isn't trusted"):
        decode(signed, KEY, "", SignedBy((THEIRS.public,)))
    with pytest.raises(BadRecord, match="isn't signed"):
        decode(encode(FOUND, "", None, PLATFORM), KEY, "", SignedBy((MINE.public,)))


def signed_index() -> Any:
    return json.loads(encode(FOUND, "", MINE, PLATFORM))


@pytest.mark.parametrize(
    ("old", "new"),
    [('"host":"a"', '"host":"b"'), (BLOBS[2].digest, BLOBS[1].digest), ('"schema":1', '"schema": 1'),
     ('"unpacked_bytes":7', '"unpacked_bytes":8')],
)  # fmt: skip
def test_a_record_that_was_touched_is_refused(old: str, new: str) -> None:
    index = signed_index()
    assert old in index["annotations"][RECORD]
    index["annotations"][RECORD] = index["annotations"][RECORD].replace(old, new)
    with pytest.raises(BadRecord, match="signature is wrong"):
        decode(json.dumps(index).encode(), KEY, "", SignedBy((MINE.public,)))


@pytest.mark.parametrize("spoil", ["", ":", "AAAA", "%%%", "A" * 88])
def test_a_signature_that_is_none_is_refused(spoil: str) -> None:
    index = signed_index()
    index["annotations"]["dev.buildsys.signature"] = f"{MINE.public}:{spoil}"
    with pytest.raises(BadRecord):
        decode(json.dumps(index).encode(), KEY, "", SignedBy((MINE.public,)))


def test_an_index_that_names_another_image_than_its_record_is_refused() -> None:
    index = signed_index()
    for change in ({"digest": BLOBS[1].digest}, {"size": 1}):
        other = json.loads(json.dumps(index))
        other["manifests"][0] |= change
        with pytest.raises(BadRecord, match="describes another"):
            decode(json.dumps(other).encode(), KEY, "", SignedBy((MINE.public,)))
    index["manifests"] *= 2
    with pytest.raises(BadRecord):
        decode(json.dumps(index).encode(), KEY, "", ANYONE)


def test_what_would_spoil_a_terminal_is_refused() -> None:
    for text in ("\x1b[2J", "a\nb", "x" * 1000):
        found = replace(FOUND, made_by={"host": text})
        with pytest.raises(BadRecord):
            decode(encode(found, "", None, PLATFORM), KEY, "", ANYONE)


def _places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(value, list):
        value = dict(enumerate(value))
    for name, inner in value.items() if isinstance(value, dict) else ():
        found += _places(inner, (*path, name))
    return found


RECORD_FIELDS = json.loads(signed_index()["annotations"][RECORD])
JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers()),
    st.dictionaries(st.text(), st.text()),
)  # fmt: skip


@given(st.sampled_from(_places(RECORD_FIELDS)), JUNK)
def test_junk_in_a_record_is_refused_or_harmless(path: tuple[Any, ...], junk: object) -> None:
    fields = json.loads(json.dumps(RECORD_FIELDS))
    inner = fields
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = junk
    index = signed_index()
    index["annotations"][RECORD] = json.dumps(fields)
    try:
        found = decode(json.dumps(index).encode(), KEY, "", ANYONE)
    except BadRecord:
        return
    assert (found.key, found.result.digest) == (KEY, FOUND.result.digest)
    assert all(isinstance(blob.size_bytes, int) for blob in found.result.blobs)


@given(st.binary(max_size=200) | JUNK.map(lambda junk: json.dumps(junk).encode()))
def test_junk_for_an_index_is_refused(content: bytes) -> None:
    with pytest.raises(BadRecord):
        decode(content, KEY, "", ANYONE)


def test_a_key_is_written_for_this_user_alone_and_over_no_other(tmp_path: Path) -> None:
    path = tmp_path / "key"
    written = write_key(str(path))
    assert path.stat().st_mode & 0o777 == 0o600
    assert SigningKey.from_pem(path.read_bytes()).public == written.public
    assert PUBLIC_KEY.fullmatch(written.public)
    with pytest.raises(MachineError, match="can't write"):
        write_key(str(path))


@pytest.mark.parametrize("pem", [b"", b"secret stuff", b"-----BEGIN PRIVATE KEY-----\nAA\n"])
def test_what_is_no_key_is_refused_and_not_shown(pem: bytes) -> None:
    with pytest.raises(UsageError) as refused:
        SigningKey.from_pem(pem)
    assert "secret" not in str(refused.value)
