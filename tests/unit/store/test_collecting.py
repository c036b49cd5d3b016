"""What `bs gc` removes from a real store, and what it never does."""

import os
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from buildsys.errors import MachineError
from buildsys.execution.ports import ActionRecord
from buildsys.model.action import ActionResult
from buildsys.model.digest import ActionKey
from buildsys.store.choosing import Limits
from buildsys.store.collecting import Collected, collect
from buildsys.store.locks import locked
from tests.unit.store.support import Place, seal

NOW_S = 2_000_000_000.0
DAY_S = 86_400.0
NOTHING: Mapping[str, Collection[ActionKey]] = {}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(str(tmp_path / "store"))


def key(number: int) -> ActionKey:
    return ActionKey(f"{number:02d}" + "0" * 62)


def put(
    place: Place, number: int, age_days: float, *, on: tuple[int, ...] = (), base: ActionResult | None = None
) -> ActionResult:  # fmt: skip
    """A record of an image of 10,000 bytes, made so long ago."""
    store = place.store()
    result = seal(store, {"file": bytes([number]) * 10_000})
    manifest = {
        "schema": 1,
        "layers": {f"layer{n}": key(n) for n in on},
        "bases": {"base": base.digest} if base else {},
    }
    store.put(ActionRecord(key(number), manifest, result, {}))
    age(place.record_path(key(number)), age_days)
    return result


def age(path: str, days: float) -> None:
    os.utime(path, (NOW_S - days * DAY_S,) * 2)


def used(place: Place, number: int, days_ago: float) -> None:
    place.store().usage.note("/nowhere", [key(number)], ())
    age(place.path("used", key(number)[:2], key(number)), days_ago)


def gc(
    place: Place,
    limits: Limits,
    builds: Mapping[str, Collection[ActionKey]] = NOTHING,
    *,
    here: str = "",
    dry_run: bool = False,
) -> Collected:
    def last_built(root: str) -> Collection[ActionKey]:
        return builds.get(root, ())

    return collect(place.store(), limits, NOW_S, last_built, here=here, dry_run=dry_run)


def stored(place: Place) -> set[int]:
    """The records whose blobs are all there."""
    store = place.store()
    found = {int(record.key[:2]): store.get(record.key) for record in store.records()}
    assert all(found.values()), "a record without its blobs"
    return set(found)


def test_without_limits_only_what_no_record_names_goes(place: Place) -> None:
    kept = put(place, 1, 400)
    store = place.store()
    sealed = seal(store, {"file": b"nobody names me"})
    for layer in (kept.blobs[2], sealed.blobs[2]):
        store.unpacked_bytes(layer.digest)
    gone = {blob.digest: blob for blob in sealed.blobs if blob not in kept.blobs}
    done = gc(place, Limits())
    assert (done.records, done.blobs) == (0, len(gone))
    assert stored(place) == {1}
    assert not any(os.path.exists(place.blob_path(blob)) for blob in gone.values())
    assert os.listdir(place.path("sizes")) == [kept.blobs[2].digest.removeprefix("sha256:")]
    assert done.freed_bytes >= sum(blob.size_bytes for blob in gone.values())
    assert gc(place, Limits()).freed_bytes == 0


def test_an_empty_store_has_nothing_to_remove(place: Place) -> None:
    assert gc(place, Limits(max_bytes=1, max_age_s=1)).freed_bytes == 0


def test_what_is_unused_for_long_goes_with_all_that_was_kept_of_it(place: Place) -> None:
    for number, days in ((1, 40), (2, 20), (3, 40)):
        put(place, number, days)
        with place.store().lock(key(number)):
            pass
    used(place, 3, days_ago=10)
    used(place, 1, days_ago=35)
    done = gc(place, Limits(max_age_s=30 * DAY_S))
    assert done.records == 1
    assert stored(place) == {2, 3}
    assert sorted(os.listdir(place.path("locks"))) == [key(2), key(3)]
    assert not os.path.exists(place.path("used", "01", key(1)))
    assert os.path.exists(place.path("used", "03", key(3)))


def test_the_least_recently_used_go_first(place: Place) -> None:
    for number, days in ((1, 3), (2, 2), (3, 1)):
        put(place, number, days)
    used(place, 1, days_ago=0)
    gc(place, Limits())
    total = gc(place, Limits()).after_bytes
    done = gc(place, Limits(max_bytes=total - 1))
    assert stored(place) == {1, 3}
    assert done.after_bytes <= total - 1
    gc(place, Limits(max_bytes=done.after_bytes - 1))
    assert stored(place) == {1}
    gc(place, Limits(max_bytes=1))
    assert stored(place) == set()


def test_what_last_builds_need_stays_whatever_the_limits(place: Place) -> None:
    base = put(place, 1, 400)
    put(place, 2, 400, base=base)
    put(place, 3, 400, on=(2,))
    put(place, 4, 1)
    put(place, 5, 1)
    place.store().usage.note("/one", [key(3)], ())
    age(place.path("used", "03", key(3)), 400)
    limits = Limits(max_bytes=1, max_age_s=DAY_S)
    done = gc(place, limits, {"/one": [key(3)], "/two": [key(4)]}, here="/two")
    assert stored(place) == {1, 2, 3, 4}
    assert (done.kept, done.workspaces) == (4, ["/one"])
    done = gc(place, Limits(max_age_s=30 * DAY_S, keep_last_builds=False), {"/one": [key(3)]})
    assert stored(place) == {4}
    assert len(os.listdir(place.path("workspaces"))) == 1, "it is there, and counts the next time"


def test_a_workspace_that_is_gone_keeps_nothing(place: Place) -> None:
    put(place, 1, 400)
    place.store().usage.note("/one", [key(1)], ())
    age(place.path("used", "01", key(1)), 400)
    gc(place, Limits(max_age_s=DAY_S))
    assert stored(place) == set()
    assert os.listdir(place.path("workspaces")) == []


def facts(place: Place, name: str, days: float) -> None:
    path = place.path("facts", name[:2], name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    Path(path).write_bytes(b"known")
    age(path, days)


def test_facts_of_modules_go_when_nobody_needs_them(place: Place) -> None:
    for name in ("aaone", "bbtwo", "ccthree"):
        facts(place, name, 400)
    usage = place.store().usage
    usage.note("/one", [key(1)], ["aaone"])
    usage.note("/gone", [key(1)], ["bbtwo"])
    for mark in Path(place.path("used")).rglob("*"):
        if mark.is_file():
            age(str(mark), 400)
    age(place.path("used", "bb", "bbtwo"), 1)
    limits = Limits(max_age_s=30 * DAY_S)
    assert gc(place, limits, {"/one": [key(1)]}).facts == 1
    left = {path.name for path in Path(place.path("facts")).rglob("*") if path.is_file()}
    assert left == {"aaone", "bbtwo"}
    assert gc(place, Limits(max_bytes=1), {"/one": [key(1)]}).facts == 0


def test_what_killed_processes_left_goes(place: Place) -> None:
    put(place, 1, 0)
    hour = 1 / 24
    left = [
        place.record_path(key(1)) + ".tmp-1234",
        place.path("blobs", "sha256", "ab.tmp-1234"),
        place.path("damaged", "ab"),
        place.path("verified.tmp-1234"),
    ]
    for path in left:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        Path(path).write_bytes(b"half")
        age(path, 2 * hour)
    young = place.record_path(key(1)) + ".tmp-5678"
    Path(young).write_bytes(b"under way")
    age(young, hour / 2)
    os.makedirs(place.path("tmp", "dead"))
    Path(place.path("tmp", "dead", "layer")).write_bytes(b"half an export")
    Path(place.path("tmp", "dead.lock")).write_bytes(b"")
    with place.store().exporting() as alive:
        done = gc(place, Limits())
        assert os.path.isdir(alive)
    assert [path for path in left if os.path.exists(path)] == []
    assert os.path.exists(young)
    assert done.remains >= len(left)
    assert done.freed_bytes >= 4 * len(left)


def test_a_record_that_can_not_be_read_is_one_like_others(place: Place) -> None:
    put(place, 1, 40)
    put(place, 2, 1)
    for number in (1, 2):
        path = place.record_path(key(number))
        before = os.stat(path)
        Path(path).write_bytes(b"of another version of bs")
        os.utime(path, (before.st_atime, before.st_mtime))
    assert gc(place, Limits(max_age_s=30 * DAY_S)).records == 1
    assert os.path.exists(place.record_path(key(2)))


def test_a_dry_run_says_the_same_and_removes_nothing(place: Place) -> None:
    for number, days in ((1, 40), (2, 20)):
        put(place, number, days)
        with place.store().lock(key(number)):
            pass
    seal(place.store(), {"file": b"nobody names me"})
    place.store().usage.note("/gone", [key(1)], ())
    age(place.path("used", "01", key(1)), 40)
    before = sorted(Path(place.folder).rglob("*"))
    limits = Limits(max_age_s=30 * DAY_S)
    said = gc(place, limits, dry_run=True)
    assert sorted(Path(place.folder).rglob("*")) == before
    assert gc(place, limits) == said
    assert stored(place) == {2}


def test_a_build_that_runs_is_waited_for_and_then_spared(place: Place) -> None:
    store = place.store()
    said: list[str] = []
    with place.store().in_use(), place.store().in_use():
        with (
            pytest.raises(MachineError, match="builds still use the store"),
            store.alone(0.1, lambda: said.append("waiting")),
        ):
            raise AssertionError
        assert said == ["waiting"]
    with store.alone(0, lambda: said.append("again")):
        assert said == ["waiting"]


def test_a_store_that_can_not_be_written_can_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"no folder")
    with Place(str(tmp_path / "file" / "store")).store().in_use():
        pass


def test_a_lock_that_is_held_stays(place: Place) -> None:
    put(place, 1, 40)
    with locked(place.path("locks", key(1))):
        gc(place, Limits(max_bytes=1))
        assert os.listdir(place.path("locks")) == [key(1)]
