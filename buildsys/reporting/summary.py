"""A build, or a run of tests, as a Markdown page: the job summary of CI services."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from buildsys.events import Outcome
from buildsys.execution.report import BuildReport, TargetReport
from buildsys.execution.states import layers_cell
from buildsys.keys.explain import Reason
from buildsys.model.tests import Verdict
from buildsys.reporting.tests import TargetTests, TestOutcome
from buildsys.reporting.text import duration, size

MOST_ROWS = 400
"""Summaries of more than a megabyte GitHub doesn't show."""
_MOST_REASONS = 3
_MOST_TEXT = 4000
_HITS = frozenset({Outcome.FRESH, Outcome.PULLED})
_ESCAPED = str.maketrans(
    {character: f"\\{character}" for character in "\\`*_[]|#"} | {"<": "&lt;", "\n": " "}
)

Reasons = Mapping[str, Sequence[Reason]]


def build_summary(
    report: BuildReport, reasons: Reasons, problems: Sequence[tuple[str, str]] = ()
) -> str:
    """`reasons` by key; `problems` are titles of what failed, and what it said."""
    told = sorted(report.targets, key=lambda target: target.outcome in _HITS)
    lines = [f"### {_headline(report)}", "", _sum(report), ""]
    if told:
        lines += [
            "| target | outcome | layers | why | size | time | saved |",
            "|---|---|---|---|--:|--:|--:|",
            *(_row(target, reasons) for target in told[:MOST_ROWS]),
        ]
    if len(told) > MOST_ROWS:
        lines += ["", f"and {len(told) - MOST_ROWS} more"]
    return "\n".join([*lines, *_details(problems), ""])


def _headline(report: BuildReport) -> str:
    count = len(report.targets)
    missing = sum(target.image is None for target in report.targets)
    noun = "image" if count == 1 else "images"
    return (
        f"bs build: {missing} of {count} {noun} missing" if missing else f"bs build: {count} {noun}"
    )


def _sum(report: BuildReport) -> str:
    layers = {layer.key: layer for target in report.targets for layer in target.layers}
    outcomes = [layer.outcome for layer in layers.values()]
    parts = [f"{outcomes.count(outcome)} {outcome}" for outcome in Outcome if outcome in outcomes]
    saved = sum(layer.saved_s for layer in layers.values())
    return (
        f"{report.solves} solves in {duration(report.duration_s)}; layers: {', '.join(parts) or 'none'};"
        f" time saved by hits: **{duration(saved)}**"
    )


def _row(target: TargetReport, reasons: Reasons) -> str:
    layers = layers_cell((layer.name, str(layer.outcome)) for layer in target.layers)
    image = target.image
    cells = (
        _code(str(target.label)),
        f"**{target.outcome}**" if target.outcome not in _HITS else str(target.outcome),
        _escaped(layers),
        _why(target, reasons),
        size(image.unpacked_bytes) + (" (over budget)" if target.over_budget else "")
        if image
        else "",
        duration(sum(layer.duration_s for layer in target.layers)),
        duration(sum(layer.saved_s for layer in target.layers)),
    )
    return f"| {' | '.join(cells)} |"


def _why(target: TargetReport, reasons: Reasons) -> str:
    found = [
        f"{_escaped(layer.name)}: {_escaped(str(reason))}"
        for layer in target.layers
        if layer.outcome in {Outcome.BUILT, Outcome.FAILED}
        for reason in reasons.get(layer.key or "", ())
    ]
    more = len(found) - _MOST_REASONS
    return "<br>".join([*found[:_MOST_REASONS], *([f"and {more} more"] if more > 0 else [])])


def failure_summary(command: str, message: str) -> str:
    """Of what failed before anything could be built or tested."""
    return f"### {command}: failed\n\n{_escaped(message)}\n"


def summary_of_tests(found: Sequence[TargetTests], problems: Sequence[tuple[str, str]]) -> str:
    """A row a target, and what the failed and the flaky cases said, or what failed before any ran."""
    outcomes = [one.outcome for one in found]
    parts = [f"{outcomes.count(o)} {o}" for o in TestOutcome if o in outcomes]
    told = sorted(found, key=lambda one: one.outcome in {TestOutcome.CACHED, TestOutcome.NONE})
    saved = sum(
        one.run.duration_s for one in found if one.run and one.outcome is TestOutcome.CACHED
    )
    lines = [
        f"### bs test: {', '.join(parts) or 'nothing'}",
        "",
        f"time saved by hits: **{duration(saved)}**",
        "",
        "| target | outcome | cases | time |",
        "|---|---|---|--:|",
        *map(_tests_row, told[:MOST_ROWS]),
    ]
    if len(told) > MOST_ROWS:
        lines += ["", f"and {len(told) - MOST_ROWS} more"]
    cases = [
        (f"{case.verdict}: {one.label} {case.suite} {case.name}", case.output)
        for one in found
        for case in (one.run.cases if one.run else ())
        if case.verdict in {Verdict.FAILED, Verdict.FLAKY}
    ]
    return "\n".join([*lines, *_details([*cases, *problems]), ""])


def _tests_row(one: TargetTests) -> str:
    run = one.run
    counts = ", ".join(f"{run.count(v)} {v}" for v in Verdict if run.count(v)) if run else ""
    bad = one.outcome in {TestOutcome.FAILED, TestOutcome.NOT_BUILT, TestOutcome.FLAKY}
    outcome = f"**{_escaped(one.outcome)}**" if bad else _escaped(one.outcome)
    timed_out = " (timed out)" if run and run.timed_out else ""
    seconds = duration(run.duration_s) if run else ""
    return f"| {_code(str(one.label))} | {outcome}{timed_out} | {counts} | {seconds} |"


def _details(texts: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Each behind a line that opens it; of long texts the end, where errors stand."""
    for title, text in texts[: MOST_ROWS // 10]:
        fence = "`" * (max((len(run) for run in _fences(text)), default=2) + 1)
        shown = text if len(text) <= _MOST_TEXT else f"…{text[-_MOST_TEXT:]}"
        yield from (
            "",
            f"<details><summary>{escape(title)}</summary>",
            "",
            f"{fence}text",
            shown.rstrip("\n"),
            fence,
            "",
            "</details>",
        )


def _fences(text: str) -> Iterator[str]:
    """Runs of back quotes that would end a shorter fence."""
    for line in text.splitlines():
        run = line.lstrip()
        length = len(run) - len(run.lstrip("`"))
        if length > 2:  # noqa: PLR2004
            yield run[:length]


def _code(text: str) -> str:
    return f"`{text}`"


def _escaped(text: str) -> str:
    return text.translate(_ESCAPED)
