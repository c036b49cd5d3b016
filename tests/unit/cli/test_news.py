"""What CI services are told where nothing can be built: errors with places, and no stale report."""

import json
from pathlib import Path

import pytest

from buildsys.answers import question_of
from buildsys.cli.choices import BuildChoices
from buildsys.cli.quick import quick_command
from buildsys.cli.run import run


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "repository" / "shop"
    root.mkdir(parents=True)
    (root / "BUILD.yaml").write_text(
        "workspace: shop\ntargets:\n  - {name: a, rule: go_image, prot: 1}\n"
    )
    monkeypatch.chdir(root)
    monkeypatch.setenv("BS_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path / "repository"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    return root


@pytest.mark.parametrize("command", ["build", "test", "status"])
def test_an_error_in_a_build_file_is_annotated(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([command, "all"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("bs: BUILD.yaml:3:")
    (annotation,) = (line for line in lines if line.startswith("::"))
    assert annotation.startswith("::error file=shop/BUILD.yaml,line=3,col=31,title=bs::")
    assert "no attribute `prot`" in annotation


def test_elsewhere_nothing_is_annotated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS")
    assert run(["status"]) == 2
    assert "::" not in capsys.readouterr().err


def test_a_summary_says_what_kept_a_build_from_beginning(root: Path, tmp_path: Path) -> None:
    (root / "BUILD.yaml").write_text(
        "workspace: shop\ntargets:\n  - {name: a, rule: go_image, port: 1}\n"
    )
    report = tmp_path / "report.json"
    report.write_text("of an earlier build")
    summary = tmp_path / "own.md"
    summary.write_text("# mine\n")
    assert run(["build", "--report", str(report), "--summary", str(summary)]) == 2
    assert not report.exists()
    page = summary.read_text()
    assert page.startswith("# mine\n### bs build: failed\n")
    assert "there is no go.mod" in page
    assert run(["test"]) == 2
    assert (tmp_path / "summary.md").read_text().startswith("### bs test: failed\n")


def test_a_build_that_tells_others_is_not_answered_from_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or there would be no summary of it."""
    assert BuildChoices().told
    monkeypatch.delenv("GITHUB_ACTIONS")
    told = question_of(("build",))
    monkeypatch.delenv("GITHUB_STEP_SUMMARY")
    assert question_of(("build",)) != told
    assert not BuildChoices().told
    file = str(tmp_path / "file")
    assert BuildChoices(summary=file).told
    assert BuildChoices(report=file).told
    assert BuildChoices(code_quality=file).told


def test_the_files_are_named_without_typer_too() -> None:
    quick = quick_command(["build", "--summary", "s", "--report", "r", "--code-quality", "q"], {})
    assert quick is not None
    assert quick_command(["build", "--report", "-k"], {}) is None


def test_an_empty_workspace_has_an_empty_report(root: Path, tmp_path: Path) -> None:
    (root / "BUILD.yaml").write_text("workspace: shop\n")
    report, quality = tmp_path / "out/report.json", tmp_path / "out/quality.json"
    assert run(["build", "--report", str(report), "--code-quality", str(quality)]) == 0
    assert json.loads(report.read_text())["images"] == {}
    assert json.loads(quality.read_text()) == []
    assert (tmp_path / "summary.md").read_text().startswith("### bs build: 0 images\n")


def test_a_file_that_can_not_be_written_is_said(root: Path, tmp_path: Path) -> None:
    (root / "BUILD.yaml").write_text("workspace: shop\n")
    for option in ("--report", "--summary", "--code-quality"):
        assert run(["build", option, str(tmp_path)]) == 36
