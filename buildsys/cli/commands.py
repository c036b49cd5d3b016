"""What `bs build` and `bs status` do, without the library that reads their options."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from buildsys.cli import context
from buildsys.cli.choices import BuildChoices, StatusChoices
from buildsys.cli.profiled import profiled
from buildsys.errors import BuildFailed, Interrupted
from buildsys.execution.lookup import LayerState
from buildsys.reporting.documents import build_document, dumped, status_document
from buildsys.reporting.tables import build_lines, status_lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from buildsys.cli.news import BuildNews
    from buildsys.events import EventSink
    from buildsys.execution.options import Options
    from buildsys.execution.report import BuildReport
    from buildsys.model.label import Label
    from buildsys.request import BuildRequest
    from buildsys.wiring import Session

OVER_BUDGET = 3
STALE = 1


def run_build(choices: BuildChoices) -> int:
    """Build, report, and return the exit code."""
    with profiled(choices.profile) as tracer:
        return _build(choices, context.traced_session(tracer, choices.cache))


def _build(choices: BuildChoices, session: "Session") -> int:
    from buildsys.request import BuildRequest  # noqa: PLC0415

    request = BuildRequest(session, session.select(choices.patterns))
    if choices.dry_run:
        return _dry_run(session, request, json=choices.json)
    with telling("bs build", request, choices) as told:
        report = built(request, choices, told=told)
    with session.tracer.span("report"):
        if choices.json:
            name = session.workspace.settings.name
            text = dumped(build_document(name, report, request.reasons))
        else:
            text = "\n".join(build_lines(report, colour=context.coloured()))
        context.say(text)
    if told is not None:
        told.tell_build(report)
    code = _exit_code(report)
    if code == 0 and report.solves == 0 and not choices.profile and told is None:
        session.remember(choices.asked, code, f"{text}\n")
    return code


def build_for(
    labels: tuple["Label", ...], session: "Session", *, images: bool = True
) -> "BuildReport":
    """Build what another command needs: nothing on standard output.

    Without `images`, what somebody else made stays in the shared cache.

    Raises:
        BuildsysError: an image can't be had; what the build said of it is on standard error.
    """
    from buildsys.request import BuildRequest  # noqa: PLC0415

    report = built(BuildRequest(session, labels, noted=False), BuildChoices(images=images))
    for error in report.errors:
        raise error
    return report


@contextmanager
def telling(
    command: str, request: "BuildRequest", choices: BuildChoices
) -> Iterator["BuildNews | None"]:
    """What collects the news for those who are told; the body builds."""
    if not choices.told:
        yield None
        return
    from buildsys.cli.news import BuildNews  # noqa: PLC0415 - only where someone is told

    news = BuildNews(command, request, choices)
    with news.of_failures():
        yield news


def built(
    request: "BuildRequest",
    choices: BuildChoices,
    *,
    rerun_tests: bool = False,
    told: "BuildNews | None" = None,
) -> "BuildReport":
    """Build with everything that watches a build listening."""
    with _listening(request, choices.events, told), interruptible():
        room = 0 if choices.jobs else request.session.locator().room
        return request.run(options_of(choices, rerun_tests=rerun_tests, room=room))


def options_of(choices: BuildChoices, *, rerun_tests: bool = False, room: int = 0) -> "Options":
    """`room` is how many solves the engines take at a time, where that is said of them."""
    from buildsys.execution.options import Options  # noqa: PLC0415 - a status builds nothing

    return Options(
        choices.jobs or max(room, (os.cpu_count() or 1) + 1),
        keep_going=choices.keep_going,
        force=choices.force,
        rerun_tests=rerun_tests,
        images=choices.images,
    )


def run_status(choices: StatusChoices) -> int:
    """Print the status, and return the exit code."""
    session = context.session(cache=choices.cache)
    targets = session.status(session.select(choices.patterns))
    if choices.json:
        text = dumped(status_document(session.workspace.settings.name, targets))
    else:
        lines = status_lines(targets, explain=choices.explain, colour=context.coloured())
        text = "\n".join(lines)
    context.say(text)
    here_or_there = {LayerState.FRESH, LayerState.REMOTE}
    stale = any(target.state not in here_or_there for target in targets)
    code = STALE if choices.exit_code and stale else 0
    if choices.json or choices.explain:
        session.remember(choices.asked, code, f"{text}\n")
    else:
        flags = (context.coloured(), choices.exit_code)
        session.remember_status(choices.asked, (code, f"{text}\n"), targets, flags)
    return code


def _dry_run(session: "Session", request: "BuildRequest", *, json: bool) -> int:
    targets = request.plan()
    if json:
        context.say(dumped(status_document(session.workspace.settings.name, targets)))
    else:
        context.say("\n".join(status_lines(targets, explain=True, colour=context.coloured())))
    return 0


@contextmanager
def _listening(request: "BuildRequest", events: str, told: "BuildNews | None") -> Iterator[None]:
    from buildsys.reporting.sinks import EventLines, PlainLines, StepLogs, Tee  # noqa: PLC0415

    session = request.session
    sink = session.machine.sink
    assert isinstance(sink, Tee)
    with ExitStack() as stack:
        screen: EventSink = PlainLines(sys.stderr)
        show: Callable[[str], None] = _to_stderr
        if context.on_terminal():
            from rich.console import Console  # noqa: PLC0415 - only where someone watches

            from buildsys.reporting.live import LiveBoard  # noqa: PLC0415

            board = LiveBoard(Console(stderr=True))
            stack.callback(board.close)
            screen = board
            show = board.show
        elif told is not None:
            show = told.guarded(show)
        sinks: list[EventSink] = [
            StepLogs(
                os.path.join(session.root, ".bs", "logs"),
                show,
                request.readable,
                told.failed if told is not None else None,
            ),
            screen,
        ]
        if events:
            sinks.append(EventLines(stack.enter_context(open(events, "w", encoding="utf-8"))))
        sink.sinks = (*sink.sinks, *sinks)
        yield


def _to_stderr(text: str) -> None:
    print(text.rstrip(), file=sys.stderr, flush=True)


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM stops a build like Ctrl-C does: children first, nothing half recorded."""
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted("interrupted") from None
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _exit_code(report: "BuildReport") -> int:
    """Of the errors, the one that says most about the machine decides; then budgets."""
    for error in report.errors:
        if not isinstance(error, BuildFailed):
            context.complain(error)
    if report.errors:
        return max(error.exit_code for error in report.errors)
    over = [target.label for target in report.targets if target.over_budget]
    if over:
        _complain_of_budgets(over)
        return OVER_BUDGET
    return 0


def _complain_of_budgets(labels: list["Label"]) -> None:
    for label in labels:
        print(f"bs: the image of {label} is larger than its max_size", file=sys.stderr)
