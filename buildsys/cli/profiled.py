"""What `--profile FILE` does: a build is traced from its process's first moment to its last."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from buildsys.cli import context
from buildsys.errors import MachineError, UsageError
from buildsys.tracing import UNTRACED, Tracer

if TYPE_CHECKING:
    from buildsys.reporting.trace import Trace


@contextmanager
def profiled(path: str) -> Iterator[Tracer]:
    """The body is traced into the file; without a path, nobody listens.

    Raises:
        UsageError: the path can't be that of a file.
        MachineError: it can't be written.
    """
    if not path:
        yield UNTRACED
        return
    from buildsys.machine import SystemClock  # noqa: PLC0415 - only where it is asked for
    from buildsys.reporting.trace import Trace  # noqa: PLC0415

    if os.path.isdir(path):
        raise UsageError(f"--profile: {path} is a folder", hint="name a file")
    with context.writing(path):
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    trace = Trace(SystemClock().monotonic, _process_began_s())
    try:
        yield trace
    except BaseException:
        # What the build failed of is the news, not what happened to its profile.
        try:
            _write(path, trace)
        except MachineError as error:
            context.complain(error)
        raise
    _write(path, trace)


def _write(path: str, trace: "Trace") -> None:
    from buildsys import __version__  # noqa: PLC0415
    from buildsys.reporting.trace_format import encode  # noqa: PLC0415

    text = encode(trace.spans(), trace.notes, f"bs {__version__}")
    with context.writing(path), open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _process_began_s() -> float:
    """When this process was started, by the monotonic clock; at its grain, a hundredth of a second.

    What Python and bs take to start is part of a build. Where the system doesn't tell, it began now.
    """
    import time  # noqa: PLC0415

    now = time.monotonic()
    try:
        with open("/proc/self/stat", encoding="utf-8") as file:
            ticks = int(file.read().rpartition(")")[2].split()[19])
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        return now
    return now - max(0.0, age)
