"""What a trace consists of: spans on tracks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum


class Kind(StrEnum):
    """What a span is of."""

    PHASE = "phase"
    """Something that bs does; phases of a thread nest, below its action if it has one."""
    ACTION = "action"
    WAIT = "wait"
    """An action that could run waits for a free worker."""
    VERTEX = "vertex"
    """Something of the engine's own graph."""
    PART = "part"
    """A part of a vertex, which is told apart by the engine too."""


@dataclass(frozen=True, slots=True)
class Track:
    """A line of a trace. Spans on one are apart or inside each other; `lane` tells apart those of one name."""

    process: str
    name: str
    lane: int = 0


@dataclass(frozen=True, slots=True)
class Span:
    """Times are seconds since the trace began; `about` is JSON-like, its fields depend on the kind."""

    kind: Kind
    name: str
    track: Track
    started_s: float
    ended_s: float
    about: Mapping[str, object] = field(default_factory=dict)

    @property
    def duration_s(self) -> float:
        return self.ended_s - self.started_s

    def within(self, started_s: float, ended_s: float) -> "Span":
        """The part of it that lies between two times; empty at the nearer one if there is none."""

        def moved(time: float) -> float:
            return min(max(time, started_s), ended_s)

        return replace(self, started_s=moved(self.started_s), ended_s=moved(self.ended_s))

    def encloses(self, other: "Span") -> bool:
        return self.started_s <= other.started_s and other.ended_s <= self.ended_s


def in_lanes(spans: Iterable[Span]) -> list[Span]:
    """Spans of one track, on as many lanes of it as keep them from crossing.

    Only a part lies inside another span: that of its vertex, or another part of it.
    """
    lanes: list[list[Span]] = []
    placed: list[Span] = []
    # Of what begins together the longest first, then what may enclose before what may be enclosed.
    for span in sorted(spans, key=lambda s: (s.started_s, -s.ended_s, s.kind is Kind.PART)):
        lane = next((n for n, above in enumerate(lanes) if _fits(span, above)), len(lanes))
        if lane == len(lanes):
            lanes.append([])
        lanes[lane].append(span)
        placed.append(replace(span, track=replace(span.track, lane=lane)))
    return placed


def _fits(span: Span, above: list[Span]) -> bool:
    """Whether there is room; `above` are the lane's spans that enclose each other, innermost last."""
    while above and above[-1].ended_s <= span.started_s:
        above.pop()
    if not above:
        return True
    owner = above[0].about.get("part_of", above[0].name)
    return span.about.get("part_of") == owner and above[-1].encloses(span)
