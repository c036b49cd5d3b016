"""`--profile FILE` and `bs profile FILE`, as the command line has them; nothing is built here."""

import json
import os
from pathlib import Path

import pytest

from buildsys.answers import recall
from buildsys.cli.quick import quick_command
from buildsys.cli.run import run
from tests.traces import events_of

DIGEST = "sha256:" + "1" * 64
FILES = {
    "BUILD.yaml": "workspace: w\nbases: {golang: {image: host/go:1}}\n",
    "bases.lock": f"golang host/go:1@{DIGEST}\n",
    "go.mod": "module example.com/w\n\ngo 1.24\n",
    "cmd/a/BUILD.yaml": "targets:\n  - {name: a, rule: go_image, base: scratch, port: 1}\n",
    "cmd/a/main.go": "package main\n\nfunc main() {}\n",
}


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "w"
    for path, content in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    monkeypatch.chdir(root)
    monkeypatch.setenv("BS_CACHE_DIR", str(tmp_path / "cache"))
    return root


def test_a_dry_run_has_a_profile(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "new/trace.json"
    assert run(["build", "a", "-n", "--profile", str(path)]) == 0
    events = events_of(path.read_text())
    phases = {event["name"] for event in events if event.get("cat") == "phase"}
    assert {"start", "load", "select", "analysis", "keys", "look up", "reasons"} <= phases
    capsys.readouterr()
    assert run(["profile", str(path)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("solves: 0.00s of ")
    assert "\ncritical path: " in said
    assert run(["profile", "--json", str(path)]) == 0
    assert json.loads(capsys.readouterr().out)["layers"] == []


def test_what_the_process_did_before_is_in_the_profile(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    run(["build", "-n", "--profile", str(path)])
    (start,) = (e for e in events_of(path.read_text()) if e["name"] == "start")
    assert start["ts"] == 0
    assert start["dur"] > 0, "this very process has been running for a while"


def test_what_is_profiled_is_neither_remembered_nor_answered_from_memory(tmp_path: Path) -> None:
    arguments = ["build", "-n", "--profile", str(tmp_path / "trace.json")]
    assert run(arguments) == 0
    assert recall(tuple(arguments)) is None


@pytest.mark.parametrize(
    ("arguments", "understood"),
    [
        (["build", "--profile", "t.json"], True),
        (["build", "a", "--profile", "t.json", "--json", "b"], True),
        (["build", "--profile"], False),
        (["build", "--profile", "--json"], False),
        (["build", "--profile", ""], False),
        (["build", "--profile=t.json"], True),
        (["build", "--cache=remote:rw"], True),
        (["status", "--cache", "remote:off"], True),
        (["build", "--cache="], False),
        (["status", "--profile", "t.json"], False),
    ],
)
def test_the_plain_form_is_read_without_typer(arguments: list[str], *, understood: bool) -> None:
    assert (quick_command(arguments, {}) is not None) == understood


def test_the_other_forms_mean_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    assert run(["build", "-n", f"--profile={one}"]) == 0
    monkeypatch.setenv("BS_BUILD_PROFILE", str(two))
    assert run(["build", "-n"]) == 0
    assert events_of(one.read_text())
    assert events_of(two.read_text())


def test_a_build_that_is_refused_has_a_profile(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    assert run(["build", "nowhere", "--profile", str(path)]) == 2
    assert "select" in {event["name"] for event in events_of(path.read_text())}


def test_a_folder_is_no_place_for_a_profile(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["build", "-n", "--profile", str(tmp_path)]) == 2
    assert "is a folder" in capsys.readouterr().err


def test_what_can_not_be_written_is_said_and_does_not_hide_what_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    below = str(tmp_path / "file/trace.json")
    assert run(["build", "-n", "--profile", below]) == 36
    assert "can't write" in capsys.readouterr().err
    full = Path("/dev/full")
    if full.exists():
        assert run(["build", "-n", "--profile", str(full)]) == 36
        assert run(["build", "nowhere", "--profile", str(full)]) == 2
        said = capsys.readouterr().err
        assert "can't write /dev/full" in said
        assert "nowhere" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "can't read trace.json: No such file or directory"),
        (b"", "trace.json is no trace: not JSON"),
        (b'{"traceEvents": [\n{"ph": "X", "na', "trace.json is no trace: it ends in the middle"),
        (b"{}", "trace.json is no trace: it has no `traceEvents`"),
        (b"\xff\xfe", "trace.json is no trace: not UTF-8"),
    ],
)
def test_what_is_no_trace_is_a_wrong_argument(
    content: bytes | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        Path("trace.json").write_bytes(content)
    assert run(["profile", "trace.json"]) == 2
    complaint = capsys.readouterr().err
    assert said in complaint
    assert "bs build --profile FILE" in complaint


def test_a_folder_is_no_trace(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["profile", os.curdir]) == 2
    assert "Is a directory" in capsys.readouterr().err
