"""Shell completion: what is offered where, in the form of each shell, and from memory."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from buildsys import answers
from buildsys.cli.completing import complete

BS = "import sys; sys.argv[0] = 'bs'; from buildsys.__main__ import main; main()"
FILES = {
    "BUILD.yaml": "workspace: shop\n",
    "cmd/api/BUILD.yaml": "targets: [{name: api, rule: go_image}]\n",
    "cmd/web/BUILD.yaml": "targets: [{name: web, rule: go_image}, {name: admin, rule: go_image}]\n",
    "lib/api/BUILD.yaml": "targets: [{name: api, rule: go_image}]\n",
}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path


def ask(folder: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, **variables, "BS_CACHE_DIR": str(folder / "cache")}
    command = [sys.executable, "-X", "importtime", "-c", BS]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def offered(folder: Path, typed: str) -> list[str]:
    words = typed.split()
    if typed.endswith(" "):
        words.append("")
    done = ask(
        folder, _BS_COMPLETE="complete_bash", COMP_WORDS=typed, COMP_CWORD=str(len(words) - 1)
    )
    assert done.returncode == 0
    return done.stdout.split()


def test_commands_are_offered(workspace: Path) -> None:
    assert offered(workspace, "bs st") == ["status"]
    assert offered(workspace, "bs engine sto") == ["stop"]
    assert {"build", "engine"} <= set(offered(workspace, "bs "))


def test_options_are_offered_and_their_values_are_not(workspace: Path) -> None:
    assert offered(workspace, "bs build --j") == ["--json", "--jobs"]
    assert offered(workspace, "bs build --profile ") == []
    assert offered(workspace, "bs build --json a") == ["all", "admin"]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("bs build a", ["all", "admin"]),  # there are two by the name `api`
        ("bs status we", ["web"]),
        ("bs test //cmd/w", ["//cmd/web", "//cmd/web:admin"]),
        ("bs build //cmd/", ["//cmd/api", "//cmd/web", "//cmd/web:admin", "//cmd/..."]),
        ("bs build all -//l", ["-//lib/api"]),
        ("bs build //l", ["//lib/api", "//lib/..."]),
        ("bs schema a", []),
        ("bs run web -- w", []),
    ],
)
def test_targets_are_offered_as_patterns(workspace: Path, typed: str, words: list[str]) -> None:
    assert offered(workspace, typed) == words


def test_targets_come_from_memory_until_they_change(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {
        "_BS_COMPLETE": "complete_fish", "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "_TYPER_COMPLETE_ARGS": "bs build //",
    }  # fmt: skip
    slow = re.compile(r"\| +(typer|yaml|buildsys\.loading)")
    assert slow.search(ask(workspace, **asked).stderr)
    monkeypatch.setattr(answers, "RACY_NS", 0)
    monkeypatch.setenv("BS_CACHE_DIR", str(workspace / "cache"))
    monkeypatch.chdir(workspace)
    assert complete(asked) is not None, "what was so young before is kept now"
    remembered = ask(workspace, **asked)
    assert remembered.stdout.split()[0] == "//cmd/api"
    assert not slow.search(remembered.stderr)
    (workspace / "lib/api/BUILD.yaml").write_text("targets: [{name: other, rule: go_image}]\n")
    assert "//lib/api:other" in ask(workspace, **asked).stdout.split()


def test_a_broken_workspace_offers_commands_and_says_nothing(workspace: Path) -> None:
    (workspace / "BUILD.yaml").write_text("workspace: [\n")
    assert offered(workspace, "bs build //") == []
    assert offered(workspace, "bs bu") == ["build"]
    assert offered(workspace.parent, "bs build //") == []


def test_each_shell_gets_its_own_form(workspace: Path) -> None:
    zsh = ask(workspace, _BS_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS="bs sche")
    assert zsh.stdout == (
        '_arguments \'*: :(("schema":"Print the JSON Schema of BUILD.yaml files"))\''
    )
    nothing = ask(workspace, _BS_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS="bs schema x")
    assert nothing.stdout == "_files"
    fish = {"_BS_COMPLETE": "complete_fish", "_TYPER_COMPLETE_FISH_ACTION": "is-args"}
    assert ask(workspace, **fish, _TYPER_COMPLETE_ARGS="bs sche").returncode == 0
    assert ask(workspace, **fish, _TYPER_COMPLETE_ARGS="bs schema x").returncode == 1
    other = ask(workspace, _BS_COMPLETE="complete_powershell", _TYPER_COMPLETE_ARGS="bs sche")
    assert "schema:::" in other.stdout


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_with_the_script_that_bs_prints(workspace: Path) -> None:
    shown = subprocess.run(
        [sys.executable, "-c", BS, "--show-completion", "bash"],
        # Else the shell that is asked for is the one that started us, and `bash` an argument too many.
        env={**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
        capture_output=True, text=True, check=False,
    ).stdout  # fmt: skip
    (workspace / "bs").write_text(f'#!/bin/sh\nexec {sys.executable} -c "{BS}" "$@"\n')
    (workspace / "bs").chmod(0o755)
    typed = "COMP_WORDS=(bs build //cmd/w); COMP_CWORD=2; _bs_completion ./bs"
    script = f"{shown}\n{typed}; echo ${{COMPREPLY[@]}}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=workspace, capture_output=True, text=True, check=True
    )
    assert done.stdout == "//cmd/web //cmd/web:admin\n"
