"""What commands share: the session of the current folder, streams, colour."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from buildsys.errors import BuildsysError, MachineError
from buildsys.events import EventSink
from buildsys.machine import Machine
from buildsys.reporting.sinks import PlainLines, Tee
from buildsys.tracing import Tracer
from buildsys.wiring import Session

if TYPE_CHECKING:
    from buildsys.engine.locate import EngineLocator


def machine(sink: EventSink | None = None) -> Machine:
    return Machine(os.environ, sink or PlainLines(sys.stderr))


def session(sink: EventSink | None = None, cache: str = "", *, platform: str = "") -> Session:
    return Session(machine(sink), os.getcwd(), cache=cache, platform=platform)


def traced_session(tracer: Tracer, cache: str = "") -> Session:
    """The session of a build to which others will listen as well."""
    machine_ = Machine(os.environ, Tee((tracer,)), tracer=tracer)
    return Session(machine_, os.getcwd(), cache=cache)


def locator(session: Session) -> "EngineLocator":
    """With the engines of the workspace, if this is one and can be read."""
    try:
        settings, root = session.workspace.settings.engine, session.root
    except BuildsysError:
        return session.machine.locator()
    return session.machine.locator(settings, root)


def on_terminal() -> bool:
    """Whether people watch: colour and a live display are for them."""
    return sys.stderr.isatty() and not os.environ.get("CI")


def coloured() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and not os.environ.get("CI")


def say(text: str) -> None:
    """A result: on standard output."""
    print(text)


@contextmanager
def writing(path: str) -> Iterator[None]:
    """The body writes a file that an option names.

    Raises:
        MachineError: it can't be written.
    """
    try:
        yield
    except OSError as error:
        raise MachineError(f"can't write {path}: {error.strerror}") from None


def complain(error: BuildsysError) -> None:
    print(f"bs: {error}", file=sys.stderr)
    if error.hint:
        print(f"    {error.hint}", file=sys.stderr)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        from buildsys.cli.annotating import annotate_error  # noqa: PLC0415 - nowhere else

        annotate_error(error)
