"""A build that is being profiled: keeps what took how long, as the ports `EventSink` and `Tracer`."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from buildsys.events import (
    ActionEngine,
    ActionFinished,
    ActionStarted,
    ActionVertex,
    BuildStarted,
    Event,
    Noted,
    Vertex,
    Warned,
)
from buildsys.model.digest import ActionKey
from buildsys.reporting.sinks import who
from buildsys.reporting.spans import Kind, Span, Track, in_lanes

ACTION = "action"
"""The span of an action, from whatever it waits for first to its record; it is about the action's key."""
_MAIN = "MainThread"


@dataclass(frozen=True, slots=True, eq=False)
class _Begun:
    track: Track
    name: str
    about: str
    at_s: float


@dataclass(frozen=True, slots=True)
class _OnEngine:
    engine: str
    told: list[tuple[Vertex, float]] = field(default_factory=list)
    """What ended, and when we were told."""


@dataclass(slots=True)
class Trace:
    """`began_s` is when the process began, by `clock`."""

    clock: Callable[[], float]
    began_s: float
    notes: list[tuple[float, str]] = field(default_factory=list)
    """What was noted or warned of, and when."""
    _open: list[_Begun] = field(default_factory=list)
    _spans: list[Span] = field(default_factory=list)
    _actions: dict[ActionKey, ActionStarted] = field(default_factory=dict)
    _ended: dict[ActionKey, tuple[ActionFinished, float]] = field(default_factory=dict)
    _build_s: float = 0.0
    _vertexes: dict[ActionKey, list[_OnEngine]] = field(default_factory=dict)
    """What each engine told of an action, in the order in which they began."""

    @contextmanager
    def span(self, name: str, about: str = "") -> Iterator[None]:
        begun = _Begun(_track(), name, about, self._now())
        self._open.append(begun)
        try:
            yield
        finally:
            self._open.remove(begun)
            self._spans.append(self._span(begun, self._now()))

    def emit(self, event: Event) -> None:
        match event:
            case BuildStarted():
                self._build_s = self._now()
            case ActionStarted():
                self._start(event)
            case ActionFinished():
                self._ended[event.key] = (event, self._now())
            case ActionEngine(key=key, engine=engine):
                self._vertexes.setdefault(key, []).append(_OnEngine(engine))
            case ActionVertex(key=key, vertex=vertex):
                begun = self._vertexes.setdefault(key, [_OnEngine("")])
                begun[-1].told.append((vertex, self._now()))
            case Noted(message=message) | Warned(message=message):
                self.notes.append((self._now(), message))
            case _:
                pass

    def __post_init__(self) -> None:
        self._spans.append(Span(Kind.PHASE, "start", _track(), 0.0, self._now()))

    def spans(self) -> list[Span]:
        """All so far; those under way end now."""
        now = self._now()
        spans = [*self._spans, *(self._span(begun, now) for begun in tuple(self._open))]
        phases = [span for span in spans if span.kind is Kind.PHASE]
        actions = [self._named(span) for span in spans if span.kind is Kind.ACTION]
        waits = in_lanes(span for span in spans if span.kind is Kind.WAIT)
        return [*phases, *actions, *waits, *self._engine(actions)]

    def _now(self) -> float:
        return self.clock() - self.began_s

    def _span(self, begun: _Begun, ended_s: float) -> Span:
        kind = Kind.ACTION if begun.name == ACTION else Kind.PHASE
        about = {"about": begun.about} if begun.about else {}
        return Span(kind, begun.name, begun.track, begun.at_s, ended_s, about)

    def _start(self, event: ActionStarted) -> None:
        self._actions[event.key] = event
        ready = max(
            (self._ended[key][1] for key in event.needs if key in self._ended),
            default=self._build_s,
        )
        track = Track("waiting for a worker", "actions")
        about = {"key": event.key}
        self._spans.append(Span(Kind.WAIT, _title(event), track, ready, self._now(), about))

    def _named(self, span: Span) -> Span:
        """The span of an action, with all that events told of it."""
        key = ActionKey(str(span.about["about"]))
        started = self._actions[key]
        about: dict[str, object] = {
            "key": key,
            "layer": started.layer,
            "labels": [str(label) for label in started.labels],
            "needs": list(started.needs),
            "outcome": str(self._ended[key][0].outcome) if key in self._ended else "unknown",
            "engines": [one.engine for one in self._vertexes.get(key, ()) if one.engine],
        }
        return Span(span.kind, _title(started), span.track, span.started_s, span.ended_s, about)

    def _engine(self, actions: list[Span]) -> Iterator[Span]:
        for key, begun in self._vertexes.items():
            runs = [action for action in actions if action.about["key"] == key]
            told = [one for one in begun if one.told]
            if runs and told:
                yield from in_lanes(span for one in told for span in _by_our_clock(one, runs))


def _by_our_clock(begun: _OnEngine, runs: list[Span]) -> list[Span]:
    """What one engine told of one action.

    Its clock may be any: nothing was told before it had ended, and the last delay is taken for none. What it
    had begun for another solve is shown from where this action began.
    """
    behind = min(heard_s - vertex.ended_s for vertex, heard_s in begun.told)
    track = Track("BuildKit", runs[-1].name)
    spans: list[Span] = []
    for vertex, _ in begun.told:
        kind = Kind.PART if vertex.part_of else Kind.VERTEX
        about: dict[str, object] = {"key": runs[-1].about["key"], "cached": vertex.cached}
        about |= {"part_of": vertex.part_of} if vertex.part_of else {}
        about |= {"engine": begun.engine} if begun.engine else {}
        span = Span(
            kind, vertex.name, track, vertex.started_s + behind, vertex.ended_s + behind, about
        )
        spans.append(span.within(runs[0].started_s, runs[-1].ended_s))
    return spans


def _title(event: ActionStarted) -> str:
    return f"{event.layer} of {who(event.labels)}"


def _track() -> Track:
    thread = threading.current_thread()
    name = "bs" if thread.name == _MAIN else thread.name
    return Track("bs", name, thread.ident or 0)
