"""What is removed to keep within limits."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildsys.model.digest import Digest
from buildsys.store.choosing import Entry, Limits, needed, superfluous

BASE = Entry("base", 1, 1, {Digest("b"): 100}, digest="sha256:base")
MODULES = Entry(
    "modules", 2, 1, {Digest("m"): 50}, digest="sha256:m", bases=frozenset({"sha256:base"})
)
IMAGE = Entry(
    "image", 3, 1, {Digest("m"): 50, Digest("i"): 10}, digest="sha256:i", layers=frozenset({"modules"})
)  # fmt: skip
OLD = Entry("old", 0, 1, {Digest("m"): 50, Digest("o"): 30}, digest="sha256:o")
ALL = (IMAGE, OLD, BASE, MODULES)


def removed(limits: Limits, kept: frozenset[str] = frozenset(), *, more: int = 0) -> list[str]:
    return [entry.key for entry in superfluous(ALL, kept, limits, 10, more)]


def test_what_a_build_needs_goes_down_to_the_base() -> None:
    assert needed(ALL, {"image"}) == {"image", "modules", "base"}
    assert needed(ALL, {"old", "unknown"}) == {"old"}


def test_nothing_is_removed_without_limits() -> None:
    assert removed(Limits()) == []
    assert removed(Limits(max_bytes=1000, max_age_s=11)) == []


def test_what_was_not_used_for_long_goes() -> None:
    assert removed(Limits(max_age_s=8)) == ["old", "base"]
    assert removed(Limits(max_age_s=8), frozenset({"base"})) == ["old"]


def test_the_least_recently_used_go_until_the_rest_fits() -> None:
    taken = 4 + 100 + 50 + 10 + 30
    assert removed(Limits(max_bytes=taken)) == []
    assert removed(Limits(max_bytes=taken - 1)) == ["old"]
    assert removed(Limits(max_bytes=taken - 1), more=31) == ["old", "base"]
    assert removed(Limits(max_bytes=taken - 32)) == ["old", "base"], "a shared blob isn't freed yet"
    assert removed(Limits(max_bytes=1)) == ["old", "base", "modules", "image"]
    assert removed(Limits(max_bytes=1), frozenset({"image", "modules", "base"})) == ["old"]


def test_age_goes_before_size() -> None:
    assert removed(Limits(max_bytes=163, max_age_s=10)) == ["old"]


entries = st.lists(
    st.builds(
        Entry,
        st.text("abcdef", min_size=1, max_size=3),
        st.floats(0, 10),
        st.integers(0, 5),
        st.dictionaries(st.sampled_from("uvwxyz").map(Digest), st.just(7)),
    ),
    unique_by=lambda entry: entry.key,
)


@given(
    entries,
    st.integers(0, 60),
    st.floats(0, 10),
    st.sets(st.text("abcdef", min_size=1, max_size=3)),
)
def test_limits_hold_and_what_is_kept_stays(
    found: list[Entry], most: int, age: float, kept: set[str]
) -> None:
    gone = superfluous(found, kept, Limits(most, age), 10, 3)
    assert not {entry.key for entry in gone} & kept
    left = [entry for entry in found if entry not in gone]
    blobs = {digest: size for entry in left for digest, size in entry.blobs.items()}
    taken = 3 + sum(entry.size_bytes for entry in left) + sum(blobs.values())
    movable = [entry for entry in left if entry.key not in kept]
    assert taken <= most or not movable
    assert all(entry.used_s >= 10 - age for entry in movable)
    if movable and gone:
        young = [entry for entry in gone if entry.used_s >= 10 - age]
        assert max((e.used_s for e in young), default=0) <= min(e.used_s for e in movable)


@pytest.mark.parametrize("limits", [Limits(max_bytes=0), Limits(max_age_s=0)])
def test_time_alone_decides_not_the_order(limits: Limits) -> None:
    later = [replace(entry, used_s=5) for entry in ALL]
    assert superfluous(later, (), limits, 10, 0) == superfluous(later[::-1], (), limits, 10, 0)
