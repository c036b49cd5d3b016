"""What CI services and deployments are told of real builds: summaries, annotations, reports."""

import json
import os
from pathlib import Path

import jsonschema

from tests.integration.real import REPOSITORY, Checkout


def append(checkout: Checkout, path: str, text: str) -> int:
    """Append to a file; returns the line on which that begins."""
    file = checkout.root / path
    before = file.read_text()
    file.write_text(before + text)
    return before.count("\n") + 1


def annotations(err: str) -> list[str]:
    return [line for line in err.splitlines() if line.startswith("::error ")]


def test_compile_errors_stand_beside_their_lines(checkout: Checkout, tmp_path: Path) -> None:
    go = append(checkout, "cmd/fanout/main.go", f"var x{os.urandom(8).hex()} int = undefinedName\n")
    rust = append(checkout, "cmd/aob-cli/src/main.rs", "fn broken() -> u32 { undefined_name }\n")
    python = append(checkout, "cmd/agent-runner-py/agent_runner/text.py", "def broken(:\n")
    summary, report, quality = (tmp_path / name for name in ("summary.md", "r.json", "q.json"))
    ran = checkout.bs(
        "build", "all", "-k", "--report", str(report), "--code-quality", str(quality), CI="true",
        GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary), GITHUB_WORKSPACE=str(tmp_path),
    )  # fmt: skip
    assert ran.code == 1
    below = checkout.root.relative_to(tmp_path).as_posix()
    found = sorted(annotations(ran.err))
    assert [line.partition(",title=")[0] for line in found] == [
        f"::error file={below}/cmd/agent-runner-py/agent_runner/text.py,line={python}",
        f"::error file={below}/cmd/aob-cli/src/main.rs,line={rust},col=22",
        f"::error file={below}/cmd/fanout/main.go,line={go},col=29",
    ]
    assert found[2].endswith("title=image of //cmd/fanout::undefined: undefinedName")
    guarded = ran.err.partition("::stop-commands::")[2].partition("\n")[0]
    assert f"\n::{guarded}::\n" in ran.err, "what compilers print gives no commands"
    assert {row["location"]["lines"]["begin"] for row in json.loads(quality.read_text())} == {
        go,
        rust,
        python,
    }
    page = summary.read_text()
    assert page.startswith("### bs build: 3 of 7 images missing\n")
    assert "| `//cmd/fanout` | **failed** |" in page
    assert "undefined: undefinedName" in page
    document = json.loads(report.read_text())
    jsonschema.validate(document, json.loads((REPOSITORY / "docs/report.schema.json").read_text()))
    assert document["complete"] is False
    assert document["missing"] == ["//cmd/agent-runner-py", "//cmd/aob-cli", "//cmd/fanout"]


def test_a_deployment_gets_the_digests_that_the_store_has(
    platform: Checkout, tmp_path: Path
) -> None:
    report, summary = tmp_path / "report.json", tmp_path / "summary.md"
    for _ in range(2):  # though nothing is built, and the same was asked before
        report.unlink(missing_ok=True)
        ran = platform.bs("build", "all", "--report", str(report), "--summary", str(summary))
        assert ran.code == 0, ran.err
    document = json.loads(report.read_text())
    assert document["complete"] is True
    assert len(document["images"]) == 7
    for label, image in document["images"].items():
        assert image["digest"] == platform.bs("image", label, "--json").json["digest"]
    page = summary.read_text()
    assert page.count("### bs build: 7 images\n") == 2
    assert "time saved by hits: **0.0s**" not in page


def test_failing_tests_stand_beside_their_lines(checkout: Checkout, tmp_path: Path) -> None:
    folder = next((checkout.root / "cmd/fanout").rglob("*_test.go")).parent
    package = next(folder.glob("*.go")).read_text().partition("package ")[2].split()[0]
    test = folder / "made_test.go"
    test.write_text(
        f'package {package}\n\nimport "testing"\n\nfunc TestMade(t *testing.T) {{\n'
        f'\tt.Errorf("made to fail: %s", "{os.urandom(8).hex()}")\n}}\n'
    )
    summary = tmp_path / "summary.md"
    ran = checkout.bs(
        "test",
        "fanout",
        GITHUB_ACTIONS="true",
        GITHUB_STEP_SUMMARY=str(summary),
        GITHUB_WORKSPACE="",
    )
    assert ran.code == 3
    (found,) = annotations(ran.err)
    where = test.relative_to(checkout.root).as_posix()
    assert found.startswith(
        f"::error file={where},line=6,title=tests of //cmd/fanout::made to fail"
    )
    page = summary.read_text()
    assert page.startswith("### bs test: 1 failed\n")
    assert "TestMade</summary>" in page
