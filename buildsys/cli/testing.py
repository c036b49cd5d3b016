"""`bs test`."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from buildsys.cli import context
from buildsys.cli.build import JSON, Cache, CodeQuality, Patterns, Summary
from buildsys.cli.choices import BuildChoices
from buildsys.cli.commands import built, telling
from buildsys.cli.profiled import profiled
from buildsys.errors import BuildFailed, CheckFailed

if TYPE_CHECKING:
    from buildsys.execution.report import BuildReport
    from buildsys.model.label import Label
    from buildsys.reporting.tests import TargetTests
    from buildsys.testing.judge import TestJudge
    from buildsys.wiring import Session


def register(app: typer.Typer) -> None:
    app.command("test")(run_tests)


def run_tests(
    patterns: Patterns = None,
    json: JSON = False,
    jobs: Annotated[
        int | None, typer.Option("-j", "--jobs", min=1, help="Actions at a time.")
    ] = None,
    no_cache_tests: Annotated[
        bool, typer.Option("--no-cache-tests", help="Run even tests that passed before.")
    ] = False,
    junit: Annotated[
        str, typer.Option("--junit", metavar="FILE", help="Write what all tests said as JUnit XML.")
    ] = "",
    profile: Annotated[
        str, typer.Option("--profile", metavar="FILE", help="Write a trace; see `bs profile`.")
    ] = "",
    summary: Summary = "",
    code_quality: CodeQuality = "",
    cache: Cache = "",
) -> int:
    """Run the targets' own tests on top of their dependency layers; those that passed before are not run."""
    choices = BuildChoices(
        tuple(patterns or ()),
        json,
        jobs,
        keep_going=True,
        cache=cache,
        images=True,
        summary=summary,
        code_quality=code_quality,
    )
    with profiled(profile) as tracer:
        session = context.traced_session(tracer, cache)
        report, found = _tested(session, choices, rerun=no_cache_tests)
        with tracer.span("report"):
            _say(session, report, found, json=json)
            if junit:
                _write_junit(junit, found)
    return _exit_code(report)


def _tested(
    session: "Session", choices: BuildChoices, *, rerun: bool
) -> "tuple[BuildReport, list[TargetTests]]":
    from buildsys.request import BuildRequest  # noqa: PLC0415
    from buildsys.testing.judge import TestJudge  # noqa: PLC0415

    labels = session.select(choices.patterns)
    judge = TestJudge(session.machine.store.blobs)
    request = BuildRequest(session, labels, judge=judge)
    with telling("bs test", request, choices) as told:
        report = built(request, choices, rerun_tests=rerun, told=told)
    found = [_tests_of(label, report, judge) for label in labels]
    if told is not None:
        told.tell_tests(found)
    return report, found


def _say(
    session: "Session", report: "BuildReport", found: "list[TargetTests]", *, json: bool
) -> None:
    from buildsys.reporting.documents import dumped  # noqa: PLC0415
    from buildsys.reporting.tests import document_of_tests, lines_of_tests  # noqa: PLC0415

    if json:
        name = session.workspace.settings.name
        context.say(dumped(document_of_tests(name, found, report.solves)))
    else:
        context.say("\n".join(lines_of_tests(found, colour=context.coloured())))


def _tests_of(label: "Label", report: "BuildReport", judge: "TestJudge") -> "TargetTests":
    from buildsys.model.tests import Verdict  # noqa: PLC0415
    from buildsys.reporting.tests import TargetTests, TestOutcome  # noqa: PLC0415

    target = next((target for target in report.targets if target.label == label), None)
    if target is None:
        return TargetTests(label, TestOutcome.NONE)
    layer = target.layers[-1]
    run = judge.runs.get(layer.key) if layer.key is not None else None
    if run is not None and not run.passed:
        return TargetTests(label, TestOutcome.FAILED, run, layer.key)
    if layer.result is None:
        return TargetTests(label, TestOutcome.NOT_BUILT, None, layer.key)
    if run is not None:
        flaky = TestOutcome.FLAKY if run.count(Verdict.FLAKY) else TestOutcome.PASSED
        return TargetTests(label, flaky, run, layer.key)
    return TargetTests(label, TestOutcome.CACHED, judge.read(layer.result), layer.key)


def _write_junit(path: str, found: list["TargetTests"]) -> None:
    from buildsys.reporting.tests import TestOutcome  # noqa: PLC0415
    from buildsys.testing.junit import junit_xml  # noqa: PLC0415

    content = junit_xml(
        {one.label: one.run for one in found if one.outcome is not TestOutcome.NONE}
    )
    with context.writing(path):
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)


def _exit_code(report: "BuildReport") -> int:
    for error in report.errors:
        if not isinstance(error, BuildFailed | CheckFailed):
            context.complain(error)
    return max((error.exit_code for error in report.errors), default=0)
