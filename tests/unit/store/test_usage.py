"""What is noted of uses, and by whom."""

import os
from pathlib import Path

from buildsys.store.usage import NOTED_S, Usage


def age(path: Path, seconds: float) -> None:
    found = os.stat(path)
    os.utime(path, (found.st_atime, found.st_mtime - seconds))


def noted(usage: Usage) -> Path:
    (path,) = Path(usage.layout, "workspaces").iterdir()
    return path


def test_uses_are_remembered_by_their_last_time(tmp_path: Path) -> None:
    usage = Usage(str(tmp_path))
    assert usage.last_used_s("abc") == 0
    usage.note("/one", ["abc"], ["def"])
    first = usage.last_used_s("abc")
    assert first > 0
    assert usage.last_used_s("def") > 0
    age(tmp_path / "used/ab/abc", 1000)
    assert usage.last_used_s("abc") < first
    usage.note("/two", ["abc"], [])
    assert usage.last_used_s("abc") >= first
    assert (tmp_path / "used/ab/abc").stat().st_size == 0


def test_once_a_day_everything_is_to_be_noted(tmp_path: Path) -> None:
    usage = Usage(str(tmp_path))
    assert not usage.is_noted("/one")
    usage.note("/one", ["abc"], [])
    assert usage.is_noted("/one")
    assert not usage.is_noted("/two")
    age(noted(usage), NOTED_S + 1)
    assert not usage.is_noted("/one")
    usage.note("/one", ["abc"], [])
    assert usage.is_noted("/one")


def test_facts_of_earlier_builds_stay_needed(tmp_path: Path) -> None:
    usage = Usage(str(tmp_path))
    usage.note("/one", [], ["def"])
    usage.note("/one", [], ["ghi"])
    ((_, workspace),) = usage.workspaces()
    assert workspace is not None
    assert (workspace.root, workspace.facts) == ("/one", frozenset({"def", "ghi"}))
    noted(usage).write_bytes(b"{half")
    ((_, workspace),) = usage.workspaces()
    assert workspace is None
    usage.note("/one", [], ["jkl"])
    ((_, workspace),) = usage.workspaces()
    assert workspace is not None
    assert workspace.facts == {"jkl"}


def test_what_can_not_be_noted_is_not_noted(tmp_path: Path) -> None:
    (tmp_path / "store").write_bytes(b"no folder")
    usage = Usage(str(tmp_path / "store"))
    usage.note("/one", ["abc"], ["def"])
    assert usage.last_used_s("abc") == 0
    assert list(usage.workspaces()) == []
