"""Where the time of a build went, from the spans of its trace. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from buildsys.model.graph import Graph
from buildsys.reporting.spans import Kind, Span, Track

ACTIONS = "actions"
"""The phase in which the main thread waits for actions."""
_WAITING = {ACTIONS, "bases"}
"""Phases in which the main thread waits for others, whose time counts as theirs."""
OTHER = "other"
"""What no phase has a name for."""
MAIN = Track("bs", "bs")
_INSTRUCTION = re.compile(r"\[(?!internal\]|context )[^\]]*\] ([A-Z]+)\b")
_KINDS = {"[internal]": "internal", "[context ": "transfer", "exporting ": "export"}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PhaseTime:
    """What a phase took itself, without the phases in it, wherever it ran."""

    name: str
    times: int
    duration_s: float


@dataclass(frozen=True, slots=True)
class LayerTime:
    """One action that ran; `phases` has what each phase in it took itself."""

    name: str
    outcome: str
    duration_s: float
    waited_s: float
    """For a free worker, before it began."""
    phases: Mapping[str, float]
    engines: tuple[str, ...] = ()
    """The address of the one that it ran on, behind those that went away."""


@dataclass(frozen=True, slots=True)
class EngineTime:
    """The engine's vertexes of one kind; those that run at once count each for itself."""

    kind: str
    vertexes: int
    cached: int
    duration_s: float


@dataclass(frozen=True, slots=True)
class PathStep:
    """A phase before or behind the actions, or an action of their longest chain."""

    name: str
    duration_s: float
    phases: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Profile:
    """`solving_s` is the time in which there was a solve under way; the lists are longest first."""

    duration_s: float
    solving_s: float
    phases: tuple[PhaseTime, ...]
    layers: tuple[LayerTime, ...]
    engine: tuple[EngineTime, ...]
    critical_path: tuple[PathStep, ...]
    """In the order of the build: what it would have taken with any number of workers."""

    @property
    def critical_s(self) -> float:
        return sum(step.duration_s for step in self.critical_path)


@dataclass(frozen=True, slots=True, eq=False)
class _Node:
    span: Span
    inside: list["_Node"] = field(default_factory=list)

    @property
    def own_s(self) -> float:
        return max(0.0, self.span.duration_s - sum(one.span.duration_s for one in self.inside))


def profile_of(spans: Sequence[Span]) -> Profile:
    """`spans` are in the order in which they ended, so that of equal ones the outer is the later."""
    duration_s = max(s.ended_s for s in spans) - min(s.started_s for s in spans)
    tops = {track: _nested(own) for track, own in _by_track(spans).items()}
    nodes = [node for top in tops.values() for one in top for node in _all(one)]
    actions = [node for node in nodes if node.span.kind is Kind.ACTION]
    main = next((top for track, top in tops.items() if _is_main(track)), [])
    return Profile(
        duration_s,
        _covered([n.span for n in nodes if n.span.name == "solve"]),
        _phases(nodes),
        _layers(actions, [span for span in spans if span.kind is Kind.WAIT]),
        _engine([span for span in spans if span.kind is Kind.VERTEX]),
        _critical_path(main, actions, duration_s),
    )


def kind_of(vertex: str) -> str:
    """What kind of thing the engine does in a vertex, by its name."""
    for start, kind in _KINDS.items():
        if vertex.startswith(start):
            return kind
    found = _INSTRUCTION.match(vertex)
    word = found[1] if found else OTHER
    return "transfer" if word == "FROM" else word


def _is_main(track: Track) -> bool:
    return (track.process, track.name) == (MAIN.process, MAIN.name)


def _by_track(spans: Sequence[Span]) -> dict[Track, list[Span]]:
    """The spans of our own threads."""
    found: dict[Track, list[Span]] = {}
    for span in reversed(spans):
        if span.kind in {Kind.PHASE, Kind.ACTION}:
            found.setdefault(span.track, []).append(span)
    return found


def _nested(spans: Iterable[Span]) -> list[_Node]:
    """The outermost spans of a track, with all others inside them; in order of time."""
    tops: list[_Node] = []
    around: list[_Node] = []
    for span in sorted(spans, key=lambda s: (s.started_s, -s.ended_s)):
        while around and not around[-1].span.encloses(span):
            around.pop()
        node = _Node(span)
        (around[-1].inside if around else tops).append(node)
        around.append(node)
    return tops


def _all(node: _Node) -> list[_Node]:
    return [node, *(below for one in node.inside for below in _all(one))]


def _grouped(items: Iterable[tuple[str, T]]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = {}
    for name, item in items:
        found.setdefault(name, []).append(item)
    return found


def _phases(nodes: Iterable[_Node]) -> tuple[PhaseTime, ...]:
    named = _grouped((_phase_name(n), n.own_s) for n in nodes if n.span.name not in _WAITING)
    found = [PhaseTime(name, len(times), sum(times)) for name, times in named.items()]
    return tuple(sorted(found, key=lambda phase: -phase.duration_s))


def _phase_name(node: _Node) -> str:
    """What an action does between its phases is bs's own work."""
    return "between phases" if node.span.kind is Kind.ACTION else node.span.name


def _times(action: _Node) -> dict[str, float]:
    named = _grouped((_phase_name(node), node.own_s) for node in _all(action))
    return {name: sum(times) for name, times in named.items()}


def _layers(actions: Iterable[_Node], waits: Iterable[Span]) -> tuple[LayerTime, ...]:
    waited = _grouped((str(wait.about.get("key")), wait) for wait in waits)
    found = [
        LayerTime(
            one.span.name,
            str(one.span.about.get("outcome", "")),
            one.span.duration_s,
            _waited_s(one.span, waited.get(str(one.span.about.get("key")), ())),
            _times(one),
            _engines(one.span.about.get("engines")),
        )
        for one in actions
    ]
    return tuple(sorted(found, key=lambda layer: -layer.duration_s))


def _engines(told: object) -> tuple[str, ...]:
    return tuple(str(name) for name in told) if isinstance(told, list) else ()


def _waited_s(action: Span, waits: Iterable[Span]) -> float:
    """A source that changed makes an action run twice: what it waited this time is the last before it."""
    before = [wait for wait in waits if wait.ended_s <= action.started_s]
    return max(before, key=lambda wait: wait.ended_s).duration_s if before else 0.0


def _engine(vertexes: Iterable[Span]) -> tuple[EngineTime, ...]:
    found = [
        EngineTime(
            kind,
            len(spans),
            sum(span.about.get("cached") is True for span in spans),
            sum(span.duration_s for span in spans),
        )
        for kind, spans in _grouped((kind_of(span.name), span) for span in vertexes).items()
    ]
    return tuple(sorted(found, key=lambda one: -one.duration_s))


def _covered(spans: Iterable[Span]) -> float:
    """The time in which at least one of them was under way."""
    total, until = 0.0, 0.0
    for span in sorted(spans, key=lambda s: s.started_s):
        total += max(0.0, span.ended_s - max(until, span.started_s))
        until = max(until, span.ended_s)
    return total


def _critical_path(
    main: Iterable[_Node], actions: Sequence[_Node], duration_s: float
) -> tuple[PathStep, ...]:
    steps: list[PathStep] = []
    named_s = 0.0
    for node in main:
        span = node.span
        named_s += span.duration_s
        if span.name == ACTIONS:
            steps += _longest_chain([one for one in actions if span.encloses(one.span)])
        else:
            steps.append(PathStep(span.name, span.duration_s))
    return (*steps, PathStep(OTHER, max(0.0, duration_s - named_s)))


def _longest_chain(actions: Iterable[_Node]) -> list[PathStep]:
    ran = {str(one.span.about.get("key")): one for one in actions}
    graph = Graph({key: _needs(one, ran) for key, one in ran.items()})
    if not ran:
        return []
    path = graph.critical_path(lambda key: ran[key].span.duration_s)
    return [PathStep(ran[k].span.name, ran[k].span.duration_s, _times(ran[k])) for k in path]


def _needs(action: _Node, ran: Mapping[str, _Node]) -> list[str]:
    """Of what it needs, that which ran before it."""
    needs = action.span.about.get("needs")
    begun = action.span.started_s
    found = [str(key) for key in needs] if isinstance(needs, list) else []
    return [key for key in found if key in ran and ran[key].span.ended_s <= begun]
