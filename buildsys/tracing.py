"""What takes how long: named by the code that is timed, kept by whoever wants a profile, else by nobody.

The code that is timed knows no clock. It names its phases; ports that it uses are timed from outside
(`reporting/traced_ports.py`).
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from buildsys.events import Event, EventSink

P = ParamSpec("P")
T = TypeVar("T")


class Tracer(EventSink, Protocol):
    """Listens to a build, and is told its phases; from any thread."""

    def span(self, name: str, about: str = "") -> AbstractContextManager[None]:
        """The body is a phase of the thread that runs it; phases of a thread nest."""


class Untraced:
    """The tracer where nobody asked for a profile."""

    def span(self, name: str, about: str = "") -> AbstractContextManager[None]:  # noqa: ARG002
        return _NOTHING

    def emit(self, event: Event) -> None: ...


_NOTHING = nullcontext()
UNTRACED: Tracer = Untraced()


class Traced(Protocol):
    """Whatever has a tracer."""

    @property
    def tracer(self) -> Tracer: ...


S = TypeVar("S", bound=Traced)


def timed(name: str) -> Callable[[Callable[Concatenate[S, P], T]], Callable[Concatenate[S, P], T]]:
    """The method is a phase of what its object does."""

    def decorated(method: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
        @wraps(method)
        def phase(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
            with self.tracer.span(name):
                return method(self, *args, **kwargs)

        return phase

    return decorated
