"""The file index: a memory that is doubted as soon as there is a reason to."""

import os
from pathlib import Path
from struct import pack

import pytest

from buildsys.answers import RACY_NS, Stat
from buildsys.model.digest import digest_of
from buildsys.workspace.index import FileIndex

DIGEST = digest_of(b"x")
OLD = 1_000_000_000_000


def stat_at(time_ns: int, ctime_ns: int | None = None, size: int = 1) -> Stat:
    return pack("5q", size, time_ns, time_ns if ctime_ns is None else ctime_ns, 7, 0o100644)


def index_at(now_ns: int, path: str = "") -> FileIndex:
    return FileIndex(path, _now_ns=now_ns)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / ".bs" / "index")


def written(path: str) -> FileIndex:
    index = FileIndex.load(path)
    index.begun_ns()
    index.learn("a.go", stat_at(OLD), DIGEST)
    index.fact("imports/1", DIGEST)
    index.learn_fact("imports/1", DIGEST, [("fmt", 1)])
    index.save()
    return index


def test_a_file_whose_stat_is_as_it_was_has_its_digest() -> None:
    index = index_at(OLD + RACY_NS)
    index.learn("a.go", stat_at(OLD), DIGEST)
    assert index.digest("a.go", stat_at(OLD)) == DIGEST
    assert index.digest("b.go", stat_at(OLD)) is None


@pytest.mark.parametrize(
    "other",
    [
        stat_at(OLD, size=2),
        stat_at(OLD + 1, OLD),
        stat_at(OLD, OLD + 1),
        (1, OLD, OLD, 8, 0o100644),
        (1, OLD, OLD, 7, 0o100755),
    ],
)
def test_any_difference_of_the_stat_forgets_the_digest(other: Stat) -> None:
    index = index_at(OLD + RACY_NS)
    index.learn("a.go", stat_at(OLD), DIGEST)
    assert index.digest("a.go", other) is None


@pytest.mark.parametrize(
    ("mtime", "ctime", "trusted"),
    [
        (-RACY_NS, -RACY_NS, True),
        (-RACY_NS + 1, -RACY_NS, False),
        (-RACY_NS, -RACY_NS + 1, False),
        (0, 0, False),
        (RACY_NS, -RACY_NS, False),  # from the future: the clock went backwards
        (-RACY_NS, RACY_NS, False),
    ],
)
def test_a_file_that_may_change_within_the_grain_is_not_remembered(
    mtime: int, ctime: int, *, trusted: bool
) -> None:
    now = OLD * 2
    index = index_at(now)
    stat = stat_at(now + mtime, now + ctime)
    index.learn("a.go", stat, DIGEST)
    assert (index.digest("a.go", stat) == DIGEST) is trusted


def test_a_young_file_drops_what_was_remembered_of_it() -> None:
    index = index_at(OLD * 2)
    index.learn("a.go", stat_at(OLD), DIGEST)
    index.learn("a.go", stat_at(OLD * 2), digest_of(b"y"))
    assert index.digest("a.go", stat_at(OLD)) is None


def test_without_a_clock_nothing_is_remembered() -> None:
    index = FileIndex("/proc/no/such/folder/index")
    index.learn("a.go", stat_at(OLD), DIGEST)
    assert index.digest("a.go", stat_at(OLD)) is None


def test_what_was_saved_is_loaded(path: str) -> None:
    written(path)
    index = FileIndex.load(path)
    assert index.digest("a.go", stat_at(OLD)) == DIGEST
    assert index.fact("imports/1", DIGEST) == ([("fmt", 1)],)
    assert index.fact("imports/2", DIGEST) is None


def test_a_fact_may_be_that_there_is_nothing() -> None:
    index = FileIndex("")
    index.learn_fact("r", DIGEST, None)
    assert index.fact("r", DIGEST) == (None,)


def test_facts_that_nobody_asked_for_are_dropped_on_saving(path: str) -> None:
    written(path)
    index = FileIndex.load(path)
    index.learn_fact("other", DIGEST, 1)
    index.fact("other", DIGEST)
    index.save()
    again = FileIndex.load(path)
    assert again.fact("imports/1", DIGEST) is None
    assert again.fact("other", DIGEST) == (1,)


def test_an_index_without_news_is_not_written(path: str) -> None:
    written(path)
    os.unlink(path)
    index = FileIndex.load(path)
    index.save()
    assert not os.path.exists(path)


def test_an_index_cut_at_any_byte_is_empty(path: str) -> None:
    written(path)
    content = Path(path).read_bytes()
    for length in range(len(content)):
        Path(path).write_bytes(content[:length])
        assert FileIndex.load(path).digest("a.go", stat_at(OLD)) is None, length


def test_an_index_with_any_byte_changed_is_empty(path: str) -> None:
    written(path)
    content = Path(path).read_bytes()
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 1 << position % 8
        Path(path).write_bytes(damaged)
        index = FileIndex.load(path)
        assert index.digest("a.go", stat_at(OLD)) is None, position
        assert index.fact("imports/1", DIGEST) is None, position


@pytest.mark.parametrize("content", [b"", b"\n\n\n", b"buildsys index 0 x\n0\n", b"\xff" * 99])
def test_any_other_file_in_its_place_is_an_empty_index(path: str, content: bytes) -> None:
    os.makedirs(os.path.dirname(path))
    Path(path).write_bytes(content)
    assert FileIndex.load(path).digest("a.go", stat_at(OLD)) is None


def test_an_index_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / ".bs").write_text("a file in the place of the folder")
    index = FileIndex(str(tmp_path / ".bs" / "index"), _now_ns=OLD * 2)
    index.learn("a.go", stat_at(OLD), DIGEST)
    index.save()
    assert index.digest("a.go", stat_at(OLD)) == DIGEST


def test_an_index_without_a_path_leaves_nothing_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    index = FileIndex("")
    index.begun_ns()
    index.learn("a.go", stat_at(OLD), DIGEST)
    index.save()
    assert list(tmp_path.iterdir()) == []
