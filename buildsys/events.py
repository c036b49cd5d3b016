"""What happens during a build: said once, shown by whoever listens."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from buildsys.model.action import ActionResult
from buildsys.model.digest import ActionKey
from buildsys.model.label import Label


class Outcome(StrEnum):
    """What became of a layer in one build."""

    FRESH = "fresh"
    PULLED = "pulled"
    BUILT = "built"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class BuildStarted:
    """`actions` is the number of those that will run, unless one fails."""

    targets: int
    actions: int


@dataclass(frozen=True, slots=True)
class ActionStarted:
    """An action runs now; `labels` are all the targets that wait for it."""

    key: ActionKey
    layer: str
    labels: tuple[Label, ...]
    needs: tuple[ActionKey, ...] = ()
    """The actions of this build that it waited for."""


@dataclass(frozen=True, slots=True)
class ActionEngine:
    """The action's solve begins on an engine; what was told of it before came from one that went away."""

    key: ActionKey
    engine: str


@dataclass(frozen=True, slots=True)
class ActionStep:
    """The engine began a step of the action, for example one RUN instruction."""

    key: ActionKey
    name: str


@dataclass(frozen=True, slots=True)
class ActionOutput:
    """Text that a step wrote; need not end at a line's end."""

    key: ActionKey
    text: str


@dataclass(frozen=True, slots=True)
class Vertex:
    """A node of the engine's own graph, or a part of what it does for one, when it has ended.

    A vertex may end several times, once for each thing that the engine does with it. Times are seconds by
    the engine's clock, which is another one than ours.
    """

    name: str
    started_s: float
    ended_s: float
    cached: bool = False
    part_of: str = ""
    """The name of the vertex that this is a part of."""


@dataclass(frozen=True, slots=True)
class ActionVertex:
    """The engine ended something of what the action is to it."""

    key: ActionKey
    vertex: Vertex


@dataclass(frozen=True, slots=True)
class ActionFinished:
    """The action's result is stored."""

    key: ActionKey
    layer: str
    labels: tuple[Label, ...]
    outcome: Outcome
    duration_s: float
    result: ActionResult | None = None
    message: str = ""
    """Why it failed or was skipped."""


@dataclass(frozen=True, slots=True)
class Warned:
    """Something is not as it should be, and the build goes on."""

    message: str


@dataclass(frozen=True, slots=True)
class Noted:
    """Something that takes a while, before or beside the actions (a base, the engine)."""

    message: str


@dataclass(frozen=True, slots=True)
class BuildFinished:
    """Nothing runs any longer."""

    failed: int
    duration_s: float


Event = (
    BuildStarted
    | ActionStarted
    | ActionEngine
    | ActionStep
    | ActionOutput
    | ActionVertex
    | ActionFinished
    | Warned
    | Noted
    | BuildFinished
)


class EventSink(Protocol):
    """Takes events, from any thread, in the order in which they happen there."""

    def emit(self, event: Event) -> None: ...
