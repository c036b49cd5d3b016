"""How many actions run at a time where nobody says."""

import os
from pathlib import Path

import pytest

from buildsys.cli import context
from buildsys.cli.choices import BuildChoices
from buildsys.cli.commands import options_of
from buildsys.machine import Machine
from buildsys.wiring import Session
from tests.fakes import RecordingSink

HERE = (os.cpu_count() or 1) + 1


@pytest.mark.parametrize(
    ("engine", "environment", "room"),
    [
        ("", {}, 0),
        ("engine: {addresses: ['unix:///a']}", {}, 0),
        ("engine: {addresses: ['unix:///a'], solves: 3}", {}, 3),
        ("engine: {addresses: ['unix:///a', 'unix:///b']}", {}, 8),
        (
            "engine: {addresses: ['unix:///a'], solves: 30}",
            {"BS_ENGINES": "unix:///x,unix:///y"},
            60,
        ),
    ],
)
def test_room_is_what_all_engines_take_together(
    engine: str, environment: dict[str, str], room: int, tmp_path: Path
) -> None:
    (tmp_path / "BUILD.yaml").write_text(f"workspace: shop\n{engine}\n")
    session = Session(Machine(environment, RecordingSink()), str(tmp_path))
    assert session.locator().room == room
    assert options_of(BuildChoices(), room=room).jobs == max(HERE, room)


def test_who_says_how_many_gets_as_many() -> None:
    assert options_of(BuildChoices(jobs=1)).jobs == 1


def test_engines_are_found_where_there_is_no_workspace(tmp_path: Path) -> None:
    session = Session(Machine({"BS_ENGINES": "unix:///x"}, RecordingSink()), str(tmp_path))
    assert context.locator(session).named.addresses == ("unix:///x",)
