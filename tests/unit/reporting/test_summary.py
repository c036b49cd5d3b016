"""Pages of Markdown for CI services, and the document for deployments."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema

from buildsys.events import Outcome
from buildsys.execution.report import BuildReport
from buildsys.keys.explain import Reason, ReasonCode
from buildsys.model.label import Label
from buildsys.model.tests import TestCase, TestRun, Verdict
from buildsys.reporting.deployment import deployment_document
from buildsys.reporting.summary import (
    MOST_ROWS,
    build_summary,
    failure_summary,
    summary_of_tests,
)
from buildsys.reporting.tests import TargetTests, TestOutcome
from tests.unit.reporting.support import API, BASE, CHANGED, DIGEST, REPORT, WORKER, key

SCHEMA = json.loads((Path(__file__).parents[3] / "docs/report.schema.json").read_text())


def because(*reasons: Reason) -> dict[str, tuple[Reason, ...]]:
    """Why the image of the worker wasn't fresh."""
    return {key(3): reasons}


REASONS = because(BASE, CHANGED)


def rows(page: str) -> list[list[str]]:
    """The cells of a page's table, without its head."""
    lines = [line for line in page.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def test_a_build_is_told_with_reasons_and_what_hits_saved() -> None:
    page = build_summary(REPORT, REASONS)
    lines = page.splitlines()
    assert lines[0] == "### bs build: 2 of 3 images missing"
    # `modules` is one layer, whoever uses it.
    assert "time saved by hits: **30.0s**" in lines[2]
    cells = {row[0]: row for row in rows(page)}
    assert cells["`//cmd/worker`"][1:4] == [
        "**failed**",
        "modules image(failed)",
        "image: base changed: alpine<br>image: file changed: cmd/worker/main.go",
    ]
    assert cells["`//cmd/api`"][1] == "**built**"
    assert cells["`//cmd/api`"][4] == "12.3MB (over budget)"


def test_what_is_fresh_stands_below_and_is_not_told_without_end() -> None:
    built, failed = REPORT.targets[:2]
    fresh = replace(built, layers=built.layers[:1])
    many = tuple(replace(fresh, label=Label(f"cmd/s{n}", f"s{n}")) for n in range(1000))
    page = build_summary(BuildReport((*many, failed), 0, 1.0, (), ()), REASONS)
    assert rows(page)[0][0] == "`//cmd/worker`"
    assert len(rows(page)) == MOST_ROWS
    assert f"and {1001 - MOST_ROWS} more" in page
    assert len(page) < 100_000


def test_many_reasons_are_few_lines() -> None:
    reasons = because(*(Reason(ReasonCode.FILE_CHANGED, path=f"f{n}") for n in range(9)))
    (worker,) = (row for row in rows(build_summary(REPORT, reasons)) if "worker" in row[0])
    assert worker[3].endswith("image: file changed: f2<br>and 6 more")


def test_nothing_that_was_said_is_taken_for_markup() -> None:
    reasons = because(Reason(ReasonCode.FILE_CHANGED, path="a|b\n<img src=x>*_[l](u)`.go"))
    page = build_summary(REPORT, reasons, [("image of <b>", "text\n```\n</details>\n````\nend")])
    assert "<img" not in page
    assert "a\\|b &lt;img src=x>\\*\\_\\[l\\](u)\\`.go" in page
    assert "<summary>image of &lt;b&gt;</summary>" in page
    assert "\n`````text\ntext\n```\n</details>\n````\nend\n`````\n" in page
    assert failure_summary("bs build", "BUILD.yaml:1:2: <b>") == (
        "### bs build: failed\n\nBUILD.yaml:1:2: &lt;b>\n"
    )


def test_of_long_texts_the_end_is_shown() -> None:
    page = build_summary(REPORT, REASONS, [("image", "x" * 10_000 + "the error\n")])
    assert "x" * 3000 in page
    assert "x" * 5000 not in page
    assert "xthe error\n```" in page


def test_tests_are_told_with_what_failed() -> None:
    run = TestRun(
        (TestCase("s", "good", Verdict.PASSED), TestCase("s", "bad", Verdict.FAILED, 0.1, "got 1")),
        1, 3.0, 1, timed_out=False, log="",
    )  # fmt: skip
    passed = replace(run, cases=run.cases[:1], exit_code=0)
    page = summary_of_tests(
        [
            TargetTests(API, TestOutcome.CACHED, passed, key(1)),
            TargetTests(WORKER, TestOutcome.FAILED, run, key(2)),
        ],
        [("tests of //cmd/other", "it didn't compile")],
    )
    assert page.startswith("### bs test: 1 cached, 1 failed\n")
    assert "time saved by hits: **3.0s**" in page
    assert rows(page) == [
        ["`//cmd/worker`", "**failed**", "1 passed, 1 failed", "3.0s"],
        ["`//cmd/api`", "cached", "1 passed", "3.0s"],
    ]
    assert "<summary>failed: //cmd/worker s bad</summary>\n\n```text\ngot 1\n```" in page
    assert "it didn&#x27;t compile" not in page
    assert "it didn't compile" in page


def test_a_deployment_is_told_digests_by_label() -> None:
    found = deployment_document("shop", "abc", "linux/amd64", REPORT)
    jsonschema.validate(found, SCHEMA)
    images = found["images"]
    assert isinstance(images, dict)
    assert images[str(API)]["digest"] == DIGEST
    assert (found["complete"], found["missing"]) == (False, ["//cmd/worker", "//cmd/new"])
    whole = replace(REPORT, targets=REPORT.targets[:1])
    found = deployment_document("shop", "", "linux/amd64", whole)
    jsonschema.validate(found, SCHEMA)
    assert (found["complete"], found["missing"], found["commit"]) == (True, [], None)
    assert whole.targets[0].outcome is Outcome.BUILT
