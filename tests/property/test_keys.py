"""The encoding of manifests loses nothing, is canonical, and keeps different manifests apart."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from buildsys.keys.manifest import encode, key_of
from buildsys.model.digest import digest_of
from buildsys.model.files import FileState

text = st.text(max_size=8)
names = st.dictionaries(text, text, max_size=4)
manifests = st.fixed_dictionaries(
    {
        "schema": st.integers(1, 3),
        "rule": text,
        "layer": text,
        "dockerfile": text,
        "inputs": st.dictionaries(text, names, max_size=3),
        "bases": names,
        "layers": names,
        "rewrite_times": st.booleans(),
    }
)
states = st.one_of(
    st.builds(FileState, st.binary(max_size=4).map(digest_of), st.booleans(), st.none()),
    st.builds(lambda link: FileState(link=link), text),
)


@settings(max_examples=120)
@given(manifests)
def test_decoding_gives_the_manifest_back(manifest: dict[str, object]) -> None:
    assert json.loads(encode(manifest)) == manifest


@settings(max_examples=120)
@given(manifests, manifests)
def test_different_manifests_have_different_keys(
    one: dict[str, object], other: dict[str, object]
) -> None:
    assert (key_of(one) == key_of(other)) == (one == other)


@given(manifests, st.randoms(use_true_random=False))
def test_the_order_of_declaring_does_not_matter(
    manifest: dict[str, object], random: object
) -> None:
    items = list(manifest.items())
    random.shuffle(items)  # type: ignore[attr-defined]
    shuffled = {
        name: dict(reversed(value.items())) if isinstance(value, dict) else value
        for name, value in items
    }
    assert encode(shuffled) == encode(manifest)


@given(manifests)
def test_encodings_are_ascii_on_one_line(manifest: dict[str, object]) -> None:
    assert b"\n" not in encode(manifest)
    assert encode(manifest).isascii()


@settings(max_examples=120)
@given(states, states)
def test_different_states_of_a_file_stand_differently_in_a_manifest(
    one: FileState, other: FileState
) -> None:
    assert (str(one) == str(other)) == (one == other)
    assert str(one) != "empty"
