"""Many engines, of which some die: a pool of made-up ones."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from buildsys.errors import BuildFailed, Interrupted, MachineError
from tests.made_up_engines import DIGEST, MadeUpEngines, Place, dying


def test_the_preferred_engine_solves_and_no_other_is_asked() -> None:
    place = Place(MadeUpEngines())
    assert [place.solve(), place.solve()] == [DIGEST, DIGEST]
    best = place.engines.best_first[0]
    assert place.engines.solved == [best, best]
    assert place.engines.asked == [best], "and that once"
    assert place.progress.engines == [best, best]


def test_nobody_is_asked_before_something_is_to_be_solved() -> None:
    place = Place(MadeUpEngines())
    place.solver.cancel()
    assert place.engines.asked == []


def test_an_engine_that_does_not_answer_is_passed_over_with_one_warning() -> None:
    place = Place(MadeUpEngines())
    best, second, _ = place.engines.best_first
    place.engines.dead[best] = "connection refused"
    assert [place.solve(), place.solve()] == [DIGEST, DIGEST]
    assert place.engines.solved == [second, second]
    assert place.engines.asked == [best, second]
    (warning,) = place.warnings
    assert best in warning
    assert "connection refused" in warning


def test_what_dies_in_mid_solve_hands_on_to_the_next_one() -> None:
    place = Place(MadeUpEngines())
    best, second, _ = place.engines.best_first
    place.engines.on_solve = dying(place.engines, best)
    assert place.solve() == DIGEST
    assert place.engines.solved == [second]
    assert place.progress.engines == [best, second]
    assert len(place.warnings) == 1


def test_an_action_goes_on_twice() -> None:
    place = Place(MadeUpEngines(4))
    place.engines.on_solve = dying(place.engines, *place.engines.best_first[:2])
    assert place.solve() == DIGEST
    assert place.engines.solved == [place.engines.best_first[2]]


def test_an_action_that_takes_down_three_engines_gets_no_fourth() -> None:
    place = Place(MadeUpEngines(4))
    *three, fourth = place.engines.best_first
    place.engines.on_solve = dying(place.engines, *three)
    with pytest.raises(MachineError, match="lost 3 engines") as failed:
        place.solve()
    assert all(f"{address}: went away: EOF" in failed.value.message for address in three)
    assert fourth not in place.engines.asked
    assert failed.value.exit_code == 36


def test_where_all_are_dead_each_is_named_with_its_reason() -> None:
    place = Place(MadeUpEngines())
    reasons = dict(zip(place.engines.addresses, ("refused", "no route", "bad name"), strict=True))
    place.engines.dead.update(reasons)
    with pytest.raises(MachineError, match="no BuildKit answers") as failed:
        place.solve()
    assert all(f"{name}: {why}" in failed.value.message for name, why in reasons.items())
    assert failed.value.exit_code == 36
    assert sorted(place.engines.asked) == place.engines.addresses, "each once"


def test_the_only_engine_that_dies_is_named() -> None:
    place = Place(MadeUpEngines(1))
    place.engines.on_solve = dying(place.engines, *place.engines.addresses)
    with pytest.raises(MachineError, match="BuildKit at tcp://engine-0:1 went away: EOF"):
        place.solve()
    assert place.warnings == [], "it is said by the error"


def test_a_failed_step_is_final() -> None:
    place = Place(MadeUpEngines())

    def fail(_address: str) -> None:
        raise BuildFailed("[build 2/2] RUN go build: exit code: 1")

    place.engines.on_solve = fail
    with pytest.raises(BuildFailed):
        place.solve()
    assert place.progress.engines == [place.engines.best_first[0]]
    assert place.warnings == []


def test_one_that_is_back_is_taken_before_giving_up() -> None:
    place = Place(MadeUpEngines(2))
    best, second = place.engines.best_first
    place.engines.on_solve = dying(place.engines, best)
    place.solve()
    del place.engines.dead[best]
    place.engines.on_solve = dying(place.engines, second)
    assert place.solve() == DIGEST
    assert place.engines.solved == [second, best]


def test_what_an_engine_had_begun_to_send_is_gone_before_the_next_one_sends(tmp_path: Path) -> None:
    place = Place(MadeUpEngines())
    begun = tmp_path / "ingest/1"
    (tmp_path / "blobs").mkdir()
    found: list[bool] = []

    def on_solve(address: str) -> None:
        found.append(begun.parent.exists())
        begun.parent.mkdir(exist_ok=True)
        begun.write_text("half")
        dying(place.engines, place.engines.best_first[0])(address)

    place.engines.on_solve = on_solve
    place.solve(folder=str(tmp_path))
    assert found == [False, False]
    assert (tmp_path / "blobs").exists()


def test_what_finds_no_room_goes_to_the_next_engine() -> None:
    place = Place(MadeUpEngines(), limit=2)
    together = threading.Barrier(5)

    def on_solve(_address: str) -> None:
        together.wait(20)

    place.engines.on_solve = on_solve
    with ThreadPoolExecutor(5) as threads:
        assert list(threads.map(lambda _: place.solve(), range(5))) == [DIGEST] * 5
    best, second, third = place.engines.best_first
    assert sorted(place.engines.solved) == sorted([best, best, second, second, third])


def test_no_engine_gets_more_than_its_limit() -> None:
    place = Place(MadeUpEngines(2), limit=1)
    running = {address: threading.Semaphore(1) for address in place.engines.addresses}

    def on_solve(address: str) -> None:
        assert running[address].acquire(blocking=False), "two at once"
        running[address].release()

    place.engines.on_solve = on_solve
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda _: place.solve(), range(40))) == [DIGEST] * 40


def test_room_on_an_engine_that_dies_is_no_room() -> None:
    """Those that wait for room go to the engine that is left."""
    place = Place(MadeUpEngines(2), limit=1)
    best, second = place.engines.best_first
    place.engines.on_solve = dying(place.engines, best)
    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(lambda _: place.solve(), range(6))) == [DIGEST] * 6
    assert place.engines.solved == [second] * 6
    assert len(place.warnings) == 1


def test_who_waits_for_room_can_be_interrupted() -> None:
    place = Place(MadeUpEngines(1), limit=1)
    begun, over = threading.Event(), threading.Event()

    def on_solve(_address: str) -> None:
        begun.set()
        over.wait(20)

    place.engines.on_solve = on_solve
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(place.solve)
        begun.wait(20)
        waiting = threads.submit(place.solve)
        place.solver.cancel()
        with pytest.raises(Interrupted):
            waiting.result(20)
        over.set()
        assert first.result(20) == DIGEST
    assert place.engines.cancelled
