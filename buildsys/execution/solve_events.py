"""What a solve tells, as events of its action."""

from dataclasses import dataclass

from buildsys.events import ActionEngine, ActionOutput, ActionStep, ActionVertex, EventSink, Vertex
from buildsys.model.digest import ActionKey


@dataclass(frozen=True, slots=True)
class SolveEvents:
    """The port `Progress`."""

    key: ActionKey
    sink: EventSink
    engines: dict[ActionKey, str]
    """Learns the engine that was begun on last."""

    def engine(self, name: str) -> None:
        self.engines[self.key] = name
        self.sink.emit(ActionEngine(self.key, name))

    def step(self, name: str) -> None:
        self.sink.emit(ActionStep(self.key, name))

    def output(self, text: str) -> None:
        self.sink.emit(ActionOutput(self.key, text))

    def vertex(self, vertex: Vertex) -> None:
        self.sink.emit(ActionVertex(self.key, vertex))
