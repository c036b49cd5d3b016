"""After an edit: said again without analysing, exactly where that is certain."""

import contextlib
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.finding_out import stored, workspaces
from buildsys import answers
from buildsys.__main__ import answer
from buildsys.answers import find
from buildsys.cli.run import run
from buildsys.edits import memory
from buildsys.edits.applying import after_edits
from tests.clock import let_the_clock_tick

ASKED = ("status", "all")
GO, PYTHON, RUST = "cmd/svc-0000", "cmd/svc-0001", "cmd/svc-0002"
SLOW = {"typer", "rich", "networkx", "yaml", "docker", "json", "dataclasses", "typing", "re"}
SLOW_AFTER_AN_EDIT = SLOW - {"typing", "re"} | {"buildsys.wiring", "buildsys.analysis.analyze"}


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three services, all of them fresh."""
    folder = tmp_path_factory.mktemp("pristine")
    workspaces.generate(folder / "checkout", 3)
    stored.fill(folder / "checkout", folder / "cache")
    return folder


@pytest.fixture
def checkout(pristine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout in which a status was remembered."""
    root = tmp_path / "checkout"
    shutil.copytree(pristine / "checkout", root, symlinks=True)
    shutil.copytree(pristine / "cache", tmp_path / "cache")
    monkeypatch.chdir(root)
    monkeypatch.setenv("BS_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(answers, "RACY_NS", 0)
    let_the_clock_tick(tmp_path)
    assert " 3 fresh, 0 not" in asked()[1]
    let_the_clock_tick(tmp_path)
    return root


def asked(arguments: tuple[str, ...] = ASKED) -> tuple[int, str]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
        code = run(list(arguments))
    return code, said.getvalue()


def remembered(arguments: tuple[str, ...] = ASKED) -> tuple[int, str] | None:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return answer(arguments)


@pytest.mark.parametrize("service", [GO, PYTHON, RUST])
def test_an_edit_of_a_body_is_followed(checkout: Path, service: str) -> None:
    number = int(service[-1])
    workspaces.edit(workspaces.edited_files(checkout, 3)[number], "another comment")
    known = remembered()
    assert known is not None
    assert f"//{service}  stale " in known[1]
    assert "image(stale)" in known[1]
    assert known == asked()


def test_edits_of_several_services_and_of_what_they_share_are_followed(checkout: Path) -> None:
    for source in workspaces.edited_files(checkout, 3):
        workspaces.edit(source, "another comment")
    (checkout / "common/lib0/lib.go").write_text("package lib0\n\nconst Number = 100\n")
    known = remembered()
    assert known is not None
    assert "0 fresh, 3 not" in known[1]
    assert known == asked()


def with_go_mod(checkout: Path, tmp_path: Path, text: str) -> None:
    (checkout / "go.mod").write_text(text)
    stored.fill(checkout, tmp_path / "cache")
    let_the_clock_tick(tmp_path)
    assert " 3 fresh, 0 not" in asked()[1]
    let_the_clock_tick(tmp_path)


def test_a_dependency_layer_takes_the_layers_above_it_along(checkout: Path, tmp_path: Path) -> None:
    old = "module example.com/w\n\ngo 1.16\n"  # before 1.17, every byte counts
    with_go_mod(checkout, tmp_path, old)
    (checkout / "go.mod").write_text(f"{old}\n// more\n")
    known = remembered()
    assert known is not None
    assert "modules(stale) packages(stale) runtime image(stale)" in known[1]
    assert known == asked()


@pytest.mark.parametrize(
    "text", ["module example.com/w\n\ngo 1.24\n", "module example.com/w\ngo 1.24\n"]
)
def test_a_comment_in_a_manifest_changes_nothing(checkout: Path, tmp_path: Path, text: str) -> None:
    """Not even where the manifest was the very text that is made of it."""
    with_go_mod(checkout, tmp_path, text)
    (checkout / "go.mod").write_text(f"{text}// more\n")
    assert remembered() in {None, asked()}
    assert " 3 fresh, 0 not" in asked()[1]


@pytest.mark.parametrize("manifest", ["Cargo.toml", "Cargo.lock"])
def test_what_a_reader_with_a_choice_of_its_own_reads_is_read_again(
    checkout: Path, manifest: str
) -> None:
    before = asked()
    path = checkout / RUST / manifest
    path.write_text(f"{path.read_text()}\n# more\n")
    assert remembered() is None
    assert asked() == before


def test_a_file_that_was_only_touched_changes_nothing(checkout: Path) -> None:
    before = remembered()
    os.utime(checkout / GO / "main.go")
    assert remembered() == before == asked()


def test_exit_codes_follow(checkout: Path, tmp_path: Path) -> None:
    strict = ("status", "--exit-code")
    assert asked(strict)[0] == 0
    let_the_clock_tick(tmp_path)
    workspaces.edit(checkout / GO / "part0.go", "another comment")
    known = remembered(strict)
    assert known is not None
    assert known[0] == 1


def another_import(root: Path) -> None:
    source = root / GO / "part0.go"
    source.write_text(source.read_text().replace("package main", 'package main\n\nimport "fmt"'))


def a_link_instead(root: Path) -> None:
    (root / GO / "part0.go").unlink()
    (root / GO / "part0.go").symlink_to("part1.go")


DOUBTS: dict[str, Callable[[Path], object]] = {
    "what a reader finds": another_import,
    "a file more": lambda root: (root / GO / "more.go").write_text("package main\n"),
    "a file less": lambda root: (root / GO / "part0.go").unlink(),
    "a mode": lambda root: (root / GO / "part0.go").chmod(0o755),
    "a link": a_link_instead,
    "a declaration": lambda root: (root / GO / "BUILD.yaml").write_text(
        "targets:\n  - {name: svc-0000, rule: go_image, port: 1}\n"
    ),
    "a pin": lambda root: (root / "bases.lock").write_text("\n"),
    "not text": lambda root: (root / PYTHON / "part0.py").write_bytes(b"\xff\n"),
    "a record": lambda root: next((root.parent / "cache/store/records").glob("*/*")).unlink(),
    "a blob": lambda root: next((root.parent / "cache/store/blobs/sha256").iterdir()).unlink(),
}


@pytest.mark.parametrize("change", DOUBTS.values(), ids=DOUBTS.keys())
def test_with_any_doubt_the_command_runs(checkout: Path, change: Callable[[Path], object]) -> None:
    workspaces.edit(checkout / RUST / "src/part0.rs", "another comment")
    change(checkout)
    assert remembered() is None


def test_what_may_be_stored_already_is_looked_up(checkout: Path, tmp_path: Path) -> None:
    source = checkout / GO / "part0.go"
    original = source.read_text()
    workspaces.edit(source, "another comment")
    asked()
    let_the_clock_tick(tmp_path)
    source.write_text(original)
    assert remembered() is None, "this content was built before"
    assert " 3 fresh" in asked()[1]


def test_damage_means_that_the_command_runs(checkout: Path) -> None:
    workspaces.edit(checkout / GO / "part0.go", "another comment")
    expected = remembered()
    assert expected is not None
    file = checkout / ".bs" / memory.NAME
    content = file.read_bytes()
    for place in range(0, len(content), max(1, len(content) // 150)):
        file.write_bytes(content[:place])
        assert remembered() in {None, expected}
        file.write_bytes(content[:place] + bytes([content[place] ^ 0x41]) + content[place + 1 :])
        assert remembered() in {None, expected}
    file.write_bytes(b"")
    assert remembered() is None


def test_only_what_belongs_to_the_answer_is_used(checkout: Path, tmp_path: Path) -> None:
    asked(("status", GO))
    let_the_clock_tick(tmp_path)
    workspaces.edit(checkout / GO / "part0.go", "another comment")
    known = find_quietly(ASKED)
    assert known is not None
    assert known.changed
    assert after_edits(known) is None, "what was kept belongs to another question"


def find_quietly(arguments: tuple[str, ...]) -> answers.Remembered | None:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return find(arguments)


def modules_of(root: Path) -> set[str]:
    """What the real command imports."""
    code = (
        "import os, sys\n"
        "def leave(code):\n"
        "    sys.stderr.write(' '.join(sys.modules))\n"
        "    sys.exit(code)\n"
        "os._exit = leave\n"
        f"sys.argv = ['bs', *{ASKED!r}]\n"
        "from buildsys.__main__ import main\n"
        "main()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert "3 targets" in ended.stdout
    return set(ended.stderr.split())


def test_a_no_op_imports_next_to_nothing(checkout: Path) -> None:
    imported = modules_of(checkout)
    assert "buildsys.answers" in imported
    assert SLOW & imported == set()
    assert {name for name in imported if name.startswith("buildsys")} == {
        "buildsys", "buildsys.__main__", "buildsys.answers",
    }  # fmt: skip


def test_an_edit_imports_little(checkout: Path) -> None:
    workspaces.edit(checkout / GO / "part0.go", "another comment")
    imported = modules_of(checkout)
    assert "buildsys.edits.applying" in imported
    assert SLOW_AFTER_AN_EDIT & imported == set()
