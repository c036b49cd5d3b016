"""The laws of rendezvous hashing: stable, balanced, and nothing moves without need."""

import hashlib
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from buildsys.execution.rendezvous import ranked

KEYS = st.binary(min_size=1, max_size=8).map(lambda seed: hashlib.sha256(seed).hexdigest())
NAMES = st.lists(
    st.integers(0, 99).map("tcp://buildkitd-{}.buildkitd:1234".format),
    min_size=1,
    max_size=8,
    unique=True,
)


@given(KEYS, NAMES, st.randoms(use_true_random=False))
def test_the_order_is_that_of_the_key_and_all_engines_are_in_it(
    key: str, names: list[str], random: "object"
) -> None:
    shuffled = list(names)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert ranked(key, shuffled) == ranked(key, names)
    assert sorted(ranked(key, names)) == sorted(names)
    assert ranked(key, names + names) == ranked(key, names)


@given(KEYS, NAMES, st.data())
def test_an_engine_that_leaves_moves_only_what_it_had(
    key: str, names: list[str], data: st.DataObject
) -> None:
    """And what it had goes to the next one, as all others stay in their order."""
    gone = data.draw(st.sampled_from(names))
    before = ranked(key, names)
    after = ranked(key, [name for name in names if name != gone])
    assert after == tuple(name for name in before if name != gone)


@given(KEYS, NAMES)
def test_an_engine_that_joins_takes_over_and_moves_nothing_else(key: str, names: list[str]) -> None:
    before, after = ranked(key, names), ranked(key, [*names, "unix:///new"])
    assert tuple(name for name in after if name != "unix:///new") == before


def test_engines_get_about_as_many_keys_each() -> None:
    names = [f"tcp://buildkitd-{number}.buildkitd:1234" for number in range(5)]
    keys = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(5000)]
    for place in range(len(names)):
        counts = Counter(ranked(key, names)[place] for key in keys)
        assert all(900 < counts[name] < 1100 for name in names), "the chosen, the second, …"


def test_what_an_engine_leaves_is_shared_by_all_others() -> None:
    names = [f"tcp://buildkitd-{number}.buildkitd:1234" for number in range(5)]
    keys = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(5000)]
    heirs = Counter(order[1] for key in keys if (order := ranked(key, names))[0] == names[0])
    assert all(200 < heirs[name] < 300 for name in names[1:])
