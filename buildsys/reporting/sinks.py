"""Listeners to a build: lines on a screen, JSON lines in a file, logs of steps."""

import json
import os
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TextIO

from buildsys.events import (
    ActionFinished,
    ActionOutput,
    ActionStarted,
    Event,
    EventSink,
    Noted,
    Outcome,
    Warned,
)
from buildsys.model.digest import ActionKey
from buildsys.model.label import Label
from buildsys.reporting.text import duration


@dataclass(slots=True)
class Tee:
    """Passes events on to all, one at a time, whichever thread they come from."""

    sinks: tuple[EventSink, ...] = ()
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def emit(self, event: Event) -> None:
        with self._lock:
            for sink in self.sinks:
                sink.emit(event)


def who(labels: tuple[Label, ...]) -> str:
    """The targets that wait for an action, in few words."""
    return str(labels[0]) if len(labels) == 1 else f"{labels[0]} and {len(labels) - 1} more"


@dataclass(slots=True)
class PlainLines:
    """One line for each thing that begins or ends: for CI and files."""

    stream: TextIO

    def emit(self, event: Event) -> None:
        line = _line(event)
        if line:
            print(line, file=self.stream, flush=True)


def _line(event: Event) -> str:
    match event:
        case ActionStarted():
            return f"start   {event.layer} of {who(event.labels)}"
        case ActionFinished(outcome=Outcome.SKIPPED):
            return f"skipped {event.layer} of {who(event.labels)}"
        case ActionFinished():
            about = f": {event.message}" if event.message else ""
            took = duration(event.duration_s)
            return f"{event.outcome:7} {event.layer} of {who(event.labels)} in {took}{about}"
        case Warned():
            return f"warning: {event.message}"
        case Noted():
            return f"note: {event.message}"
        case _:
            return ""


@dataclass(slots=True)
class EventLines:
    """JSON lines: every event with its name, as it happens."""

    stream: TextIO

    def emit(self, event: Event) -> None:
        fields = {"event": type(event).__name__, **asdict(event)}
        fields["labels"] = [str(label) for label in getattr(event, "labels", ())]
        print(json.dumps(fields, default=str), file=self.stream, flush=True)


@dataclass(slots=True)
class StepLogs:
    """Keeps what steps print: in a file for each action, and whole on the screen if it failed."""

    folder: str
    show: Callable[[str], None]
    readable: Callable[[ActionKey, str], str]
    """Rewrites the paths of compiler messages to those of the workspace."""
    failed: Callable[[ActionFinished, str], None] | None = None
    """Told of each action that failed, with what its steps printed."""
    _texts: dict[ActionKey, list[str]] = field(default_factory=dict)

    def emit(self, event: Event) -> None:
        if isinstance(event, ActionOutput):
            self._texts.setdefault(event.key, []).append(event.text)
        elif isinstance(event, ActionFinished):
            text = self.readable(event.key, "".join(self._texts.pop(event.key, [])))
            self._keep(event, text)
            if event.outcome is Outcome.FAILED and text:
                self.show(text)
            if event.outcome is Outcome.FAILED and self.failed is not None:
                self.failed(event, text)

    def _keep(self, event: ActionFinished, text: str) -> None:
        if not text:
            return
        os.makedirs(self.folder, exist_ok=True)
        name = f"{event.layer}-{event.key[:12]}.log"
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write(text)
