"""How tests went, for people and machines."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from buildsys.model.digest import ActionKey
from buildsys.model.label import Label
from buildsys.model.tests import TestRun, Verdict
from buildsys.reporting.columns import columns
from buildsys.reporting.text import Colour, coloured, duration


class TestOutcome(StrEnum):
    """What became of the tests of one target."""

    __test__ = False

    PASSED = "passed"
    CACHED = "cached"
    """They passed before, and nothing that they could notice has changed."""
    FLAKY = "flaky"
    FAILED = "failed"
    NOT_BUILT = "not_built"
    """What they need couldn't be built."""
    NONE = "none"
    """The target has no tests."""


@dataclass(frozen=True, slots=True)
class TargetTests:
    """The tests of one target; `run` is None where none ran, now or before."""

    label: Label
    outcome: TestOutcome
    run: TestRun | None = None
    key: ActionKey | None = None


_COLOURS = {
    TestOutcome.PASSED: Colour.GREEN, TestOutcome.CACHED: Colour.DIM, TestOutcome.FLAKY: Colour.YELLOW,
    TestOutcome.FAILED: Colour.RED, TestOutcome.NOT_BUILT: Colour.RED, TestOutcome.NONE: Colour.DIM,
}  # fmt: skip


def lines_of_tests(found: Sequence[TargetTests], *, colour: bool) -> list[str]:
    """A line a target, the failed and flaky cases below it, then the sum."""
    rows = [
        (
            str(one.label),
            str(one.outcome),
            _counts(one),
            duration(one.run.duration_s) if one.run else "-",
        )
        for one in found
    ]
    lines: list[str] = []
    for one, line in zip(found, columns(rows, frozenset({3})), strict=True):
        word = str(one.outcome)
        painted = coloured(word, _COLOURS[one.outcome], on=colour)
        lines += [line.replace(f" {word}", f" {painted}", 1), *_named(one)]
    outcomes = [one.outcome for one in found]
    parts = [f"{outcomes.count(o)} {o}" for o in TestOutcome if o in outcomes]
    return [*lines, f"{len(found)} targets: {', '.join(parts) or 'nothing'}"]


def _counts(one: TargetTests) -> str:
    if one.run is None:
        return "no tests" if one.outcome is TestOutcome.NONE else "-"
    counts = [f"{one.run.count(v)} {v}" for v in Verdict if one.run.count(v)]
    if one.run.timed_out:
        counts.append("timed out")
    return ", ".join(counts) or ("0 tests" if one.run.passed else f"exit code {one.run.exit_code}")


def _named(one: TargetTests) -> Iterator[str]:
    for case in one.run.cases if one.run else ():
        if case.verdict in {Verdict.FAILED, Verdict.FLAKY}:
            yield f"    {case.verdict}: {case.suite} {case.name}"


def document_of_tests(
    workspace: str, found: Sequence[TargetTests], solves: int
) -> dict[str, object]:
    return {
        "schema": 1,
        "workspace": workspace,
        "engine": {"solves": solves},
        "targets": [_document(one) for one in found],
    }


def _document(one: TargetTests) -> dict[str, object]:
    run = one.run
    return {
        "label": str(one.label),
        "outcome": one.outcome,
        "key": one.key,
        "attempts": run.attempts if run else 0,
        "timed_out": run.timed_out if run else False,
        "duration_s": run.duration_s if run else 0.0,
        "cases": [
            {
                "suite": case.suite,
                "name": case.name,
                "verdict": case.verdict,
                "duration_s": case.duration_s,
                "output": case.output,
            }
            for case in (run.cases if run else ())
        ],
    }
