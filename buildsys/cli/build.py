"""`bs build`."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from buildsys.cli import context
from buildsys.errors import BuildFailed, Interrupted
from buildsys.execution.builder import Options
from buildsys.execution.report import BuildReport
from buildsys.model.label import Label
from buildsys.reporting.documents import build_document, dumped, status_document
from buildsys.reporting.sinks import EventLines, PlainLines, StepLogs, Tee
from buildsys.reporting.tables import build_lines, status_lines
from buildsys.request import BuildRequest
from buildsys.wiring import Session

if TYPE_CHECKING:
    from buildsys.events import EventSink

Patterns = Annotated[
    list[str] | None,
    typer.Argument(help="Targets: //cmd/api, //cmd/..., all, a name, a file; -//x leaves out."),
]
JSON = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
OVER_BUDGET = 3


def register(app: typer.Typer) -> None:
    app.command("build")(build)


def build(
    patterns: Patterns = None,
    json: JSON = False,
    jobs: Annotated[
        int | None, typer.Option("-j", "--jobs", min=1, help="Actions at a time.")
    ] = None,
    keep_going: Annotated[
        bool, typer.Option("-k", "--keep-going", help="Build what a failure doesn't reach.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Build even what is fresh.")] = False,
    dry_run: Annotated[
        bool, typer.Option("-n", "--dry-run", help="Only say what would be built.")
    ] = False,
    events: Annotated[
        str, typer.Option("--events", metavar="FILE", help="Write what happens as JSON lines.")
    ] = "",
) -> int:
    """Build the images of targets, and only the layers that are stale."""
    sink = Tee()
    session = context.session(sink)
    request = BuildRequest(session, session.select(tuple(patterns or ())))
    if dry_run:
        return _dry_run(session, request, json=json)
    options = Options(jobs or (os.cpu_count() or 1) + 1, keep_going=keep_going, force=force)
    with _listening(sink, session, request, events), _interruptible():
        report = request.run(options)
    if json:
        name = session.workspace.settings.name
        context.say(dumped(build_document(name, report, request.reasons)))
    else:
        context.say("\n".join(build_lines(report, colour=context.coloured())))
    return _exit_code(report)


def _dry_run(session: Session, request: BuildRequest, *, json: bool) -> int:
    targets = request.plan()
    if json:
        context.say(dumped(status_document(session.workspace.settings.name, targets)))
    else:
        context.say("\n".join(status_lines(targets, explain=True, colour=context.coloured())))
    return 0


@contextmanager
def _listening(sink: Tee, session: Session, request: BuildRequest, events: str) -> Iterator[None]:
    with ExitStack() as stack:
        screen: EventSink = PlainLines(sys.stderr)
        show = _to_stderr
        if context.on_terminal():
            from rich.console import Console  # noqa: PLC0415 - only where someone watches

            from buildsys.reporting.live import LiveBoard  # noqa: PLC0415

            board = LiveBoard(Console(stderr=True))
            stack.callback(board.close)
            screen = board
            show = board.show
        sinks: list[EventSink] = [
            StepLogs(os.path.join(session.root, ".bs", "logs"), show, request.readable),
            screen,
        ]
        if events:
            sinks.append(EventLines(stack.enter_context(open(events, "w", encoding="utf-8"))))
        sink.sinks = tuple(sinks)
        yield


def _to_stderr(text: str) -> None:
    print(text.rstrip(), file=sys.stderr, flush=True)


@contextmanager
def _interruptible() -> Iterator[None]:
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


def _exit_code(report: BuildReport) -> int:
    """Of the errors, the one that says most about the machine decides; then budgets."""
    from buildsys.cli.app import complain  # noqa: PLC0415 - app imports this module

    for error in report.errors:
        if not isinstance(error, BuildFailed):
            complain(error)
    if report.errors:
        return max(error.exit_code for error in report.errors)
    over = [target.label for target in report.targets if target.over_budget]
    if over:
        _complain_of_budgets(over)
        return OVER_BUDGET
    return 0


def _complain_of_budgets(labels: list[Label]) -> None:
    for label in labels:
        print(f"bs: the image of {label} is larger than its max_size", file=sys.stderr)
