"""An engine that falls silent: by made-up buildctls that ask it."""

import threading
from pathlib import Path

import pytest

from buildsys.engine.address import NAMED, Engine
from buildsys.engine.watch import Watch

SOON_S = 0.01


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """One that answers as long as there is a file `alive`; `asked` has a line for each time."""
    program = tmp_path / "buildctl"
    program.write_text(
        f"#!/bin/sh\necho asked >> {tmp_path}/asked\n"
        f"[ -e {tmp_path}/alive ] && exit 0\necho 'error: no answer' >&2\nexit 1\n"
    )
    program.chmod(0o755)
    return Engine("unix:///x", str(program), NAMED)


def asked(folder: Path) -> int:
    return len((folder / "asked").read_text().splitlines()) if (folder / "asked").exists() else 0


def test_a_silent_engine_is_given_up_when_it_does_not_answer_twice(
    engine: Engine, tmp_path: Path
) -> None:
    given_up = threading.Event()
    with Watch(engine, given_up.set, SOON_S).watching() as watch:
        assert given_up.wait(20)
    assert watch.problem == "no answer"
    assert asked(tmp_path) == 2


def test_a_silent_engine_that_answers_is_left_in_peace(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "alive").touch()
    given_up = threading.Event()
    with Watch(engine, given_up.set, SOON_S).watching() as watch:
        while asked(tmp_path) < 4:
            assert not given_up.wait(SOON_S)
    assert watch.problem == ""


def test_an_engine_that_talks_is_not_asked(engine: Engine, tmp_path: Path) -> None:
    given_up = threading.Event()
    with Watch(engine, given_up.set, 1000.0).watching() as watch:
        watch.heard()
    assert asked(tmp_path) == 0
    assert not given_up.is_set()
