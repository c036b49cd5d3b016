"""Remembered answers: given again exactly as long as nothing that was looked at changed."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from buildsys import answers, sights
from buildsys.answers import RACY_NS, recall, stat_of
from buildsys.sights import Sights, remember

LATER = 2**62
"""A clock by which every file here is old enough."""
ASKED = ("status", "--json")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which an answer was remembered after looking at what is in it."""
    root = tmp_path / "checkout"
    (root / "cmd").mkdir(parents=True)
    (root / ".bs").mkdir()
    (root / "cmd" / "main.go").write_text("package main\n")
    (root / "shared").write_text("text")
    (root / "link").symlink_to("shared")
    monkeypatch.chdir(root)
    remember(str(root), ASKED, (3, "all fresh\n"), seen(root), LATER)
    return root


def seen(root: Path) -> Sights:
    looked = Sights()
    for name in ("", "cmd", "cmd/main.go", "shared", "link", "cmd/BUILD.yaml"):
        looked.look(str(root / name))
    looked.look(str(root / "link"), behind=True)
    return looked


def test_what_nothing_changed_about_is_said_again(workspace: Path) -> None:
    assert recall(ASKED) == (3, "all fresh\n")
    assert (workspace / "cmd" / "main.go").read_text()
    assert recall(ASKED) == (3, "all fresh\n"), "reading changes nothing"


def test_a_signing_key_is_in_nothing_that_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BS_CACHE_SIGNING_KEY", "a secret")
    monkeypatch.setenv("BS_CACHE_NAMESPACE", "pr-1")
    question = answers.question_of(("build",))
    assert "pr-1" in question
    assert "a secret" not in question


def same_size_and_mtime(root: Path) -> None:
    file = root / "cmd" / "main.go"
    before = file.stat()
    file.write_text("package moin\n")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def replaced_by_its_like(root: Path) -> None:
    file = root / "cmd" / "main.go"
    file.with_name("new").write_text(file.read_text())
    file.with_name("new").rename(file)


def linked_elsewhere(root: Path) -> None:
    (root / "link").unlink()
    (root / "link").symlink_to("cmd/main.go")


def a_folder_instead(root: Path) -> None:
    (root / "shared").unlink()
    (root / "shared").mkdir()


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda root: (root / "cmd/main.go").write_text("package other\n"),
    "same size and time": same_size_and_mtime,
    "another file of the same content": replaced_by_its_like,
    "mode": lambda root: (root / "cmd/main.go").chmod(0o755),
    "removed": lambda root: (root / "cmd/main.go").unlink(),
    "renamed": lambda root: (root / "cmd/main.go").rename(root / "cmd/more.go"),
    "added": lambda root: (root / "cmd/more.go").write_text(""),
    "a folder more": lambda root: (root / "cmd/more").mkdir(),
    "what was missing is there": lambda root: (root / "cmd/BUILD.yaml").write_text(""),
    "the link's target": lambda root: (root / "shared").write_text("test"),
    "the link": linked_elsewhere,
    "a file is a folder": a_folder_instead,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
@pytest.mark.parametrize("rows", [2, answers._ROWS_FOR_TWO], ids=["two processes", "one"])
def test_any_change_of_what_was_looked_at_is_noticed(
    workspace: Path,
    change: Callable[[Path], object],
    rows: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(answers, "_ROWS_FOR_TWO", rows)
    assert recall(ASKED) is not None
    change(workspace)
    assert recall(ASKED) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [("BS_CACHE_DIR", "/elsewhere"), ("NO_COLOR", "1"), ("CI", "yes"), ("HOME", "/nowhere")],
)
def test_another_environment_is_another_question(
    workspace: Path, name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert workspace.is_dir()
    monkeypatch.setenv(name, value)
    assert recall(ASKED) is None
    monkeypatch.delenv(name)


def test_other_arguments_and_folders_are_other_questions(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert recall(("status",)) is None
    assert recall(()) is None
    monkeypatch.chdir(workspace / "cmd")
    assert recall(ASKED) is None
    remember(str(workspace), ASKED, (0, "here\n"), seen(workspace), LATER)
    assert recall(ASKED) == (0, "here\n"), "found from below the workspace's root"


def test_another_version_of_bs_is_asked_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "package"
    (package / "rules").mkdir(parents=True)
    rule = package / "rules" / "go.py"
    rule.write_text("version = 1")
    monkeypatch.setattr(sights, "__file__", str(package / "sights.py"))
    monkeypatch.chdir(tmp_path)
    remember(str(tmp_path), ASKED, (0, "said"), Sights(), LATER)
    assert recall(ASKED) == (0, "said")
    rule.write_text("version = 2")
    assert recall(ASKED) is None


def test_what_is_too_young_for_its_stat_to_be_trusted_is_not_remembered(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    looked = Sights()
    found = looked.look(str(file))
    assert found is not None
    youngest = max(
        max(path.lstat().st_mtime_ns, path.lstat().st_ctime_ns)
        for path in [file, *Path(answers.__file__).parent.rglob("*")]
        if "__pycache__" not in path.parts
    )
    for now_ns, kept in ((youngest + RACY_NS - 1, False), (youngest + RACY_NS, True)):
        remember(str(tmp_path), ASKED, (0, ""), looked, now_ns)
        assert (tmp_path / ".bs" / "answers").exists() is kept


def test_what_is_only_ever_replaced_may_be_young(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    record = tmp_path / "record"
    record.write_text("one")
    looked = Sights()
    looked.look(str(record), replaced=True)
    monkeypatch.setattr(sights, "own_files", list)
    remember(str(tmp_path), ASKED, (0, "fresh"), looked, record.stat().st_ctime_ns + RACY_NS - 1)
    assert recall(ASKED) == (0, "fresh")
    (tmp_path / "new").write_text("two")
    (tmp_path / "new").rename(record)
    assert recall(ASKED) is None


def test_the_first_sight_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "file"
    looked = Sights()
    assert looked.look(str(file)) is None
    file.write_text("made while the command ran")
    assert looked.look(str(file)) is not None
    remember(str(tmp_path), ASKED, (0, ""), looked, LATER)
    assert recall(ASKED) is None


def test_damage_means_asking_anew(workspace: Path) -> None:
    (file,) = (workspace / ".bs" / "answers").iterdir()
    content = file.read_bytes()
    step = max(1, len(content) // 300)
    for place in range(0, len(content), step):
        file.write_bytes(content[:place])
        assert recall(ASKED) is None
        file.write_bytes(content[:place] + bytes([content[place] ^ 0x41]) + content[place + 1 :])
        assert recall(ASKED) is None
    file.write_bytes(content)
    assert recall(ASKED) is not None


def test_where_nothing_can_be_written_nothing_is_remembered(tmp_path: Path) -> None:
    (tmp_path / ".bs").write_text("not a folder")
    remember(str(tmp_path), ASKED, (0, ""), Sights(), LATER)
    assert (tmp_path / ".bs").read_text() == "not a folder"


def test_old_answers_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for number in range(200):
        question = ("status", f"//cmd/{number}")
        remember(str(tmp_path), question, (0, str(number)), Sights(), LATER)
        assert recall(question) == (0, str(number))
    assert len(list((tmp_path / ".bs" / "answers").iterdir())) <= 64


def test_a_stat_tells_what_matters(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("four")
    size, mtime, ctime, inode, mode = answers.numbers_of(stat_of(file.stat()))
    assert (size, mtime) == (4, file.stat().st_mtime_ns)
    assert (ctime, inode) == (file.stat().st_ctime_ns, file.stat().st_ino)
    assert stat.S_ISREG(mode)
