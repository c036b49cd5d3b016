"""Locks whose files may be removed by whoever tidies up."""

import os
import threading
from contextlib import ExitStack
from pathlib import Path

from buildsys.store.locks import locked, locked_within, remove_unless_held


def test_a_lock_on_a_file_that_was_removed_keeps_others_out_all_the_same(tmp_path: Path) -> None:
    path = str(tmp_path / "locks" / "key")
    inside, order = threading.Event(), []

    def second() -> None:
        with locked(path):
            order.append("second")
            inside.set()

    with locked(path):
        waiting = threading.Thread(target=second)
        waiting.start()
        os.unlink(path)
        with locked(path):
            order.append("first")
        waiting.join(0.05)
    waiting.join()
    assert inside.is_set()
    assert sorted(order) == ["first", "second"]
    assert os.path.exists(path)


def test_files_of_locks_that_are_held_stay(tmp_path: Path) -> None:
    path = str(tmp_path / "key")
    with locked(path):
        assert not remove_unless_held(path)
    assert remove_unless_held(path)
    assert not os.path.exists(path)
    assert not remove_unless_held(path)


def test_many_share_a_lock_and_one_is_alone(tmp_path: Path) -> None:
    path = str(tmp_path / "store.lock")
    said: list[str] = []
    slept: list[float] = []

    def alone(wait_s: float) -> bool:
        with locked_within(path, wait_s, lambda: said.append("waiting"), sleep=slept.append) as had:
            return had

    with locked(path, shared=True), locked(path, shared=True):
        assert not alone(0)
        assert not said
        assert not alone(0.25)
        assert said == ["waiting"]
        assert len(slept) == 3
    assert alone(0)


def test_whoever_waits_has_the_lock_when_it_is_free(tmp_path: Path) -> None:
    path = str(tmp_path / "store.lock")
    held = ExitStack()
    held.enter_context(locked(path, shared=True))
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        held.close()

    with locked_within(path, 5, lambda: None, sleep=sleep) as had:
        assert had
    assert len(slept) == 1
