"""The contract of `EventSink`: every listener takes every event, from any thread."""

import io
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from buildsys.events import (
    ActionEngine,
    ActionFinished,
    ActionOutput,
    ActionStarted,
    ActionStep,
    ActionVertex,
    BuildFinished,
    BuildStarted,
    Event,
    EventSink,
    Noted,
    Outcome,
    Vertex,
    Warned,
)
from buildsys.model.action import ActionResult
from buildsys.model.digest import ActionKey, ImageDigest
from buildsys.model.label import Label
from buildsys.reporting.live import LiveBoard
from buildsys.reporting.sinks import EventLines, PlainLines, StepLogs, Tee
from buildsys.reporting.trace import Trace
from buildsys.tracing import UNTRACED
from tests.fakes import RecordingSink

KEY = ActionKey("1" * 64)
LABELS = (Label("cmd/api", "api"), Label("cmd/web", "web"))
RESULT = ActionResult(ImageDigest("sha256:" + "0" * 64), (), 5)
EVENTS: tuple[Event, ...] = (
    BuildStarted(2, 1),
    Noted("starting [BuildKit]"),
    ActionStarted(KEY, "image", LABELS),
    ActionEngine(KEY, "tcp://[::1]:1234"),
    ActionStep(KEY, "[build 1/2] RUN one\ntwo"),
    ActionOutput(KEY, "text [bold]without an end"),
    ActionVertex(KEY, Vertex("[build 1/2] RUN one", 1.0, 2.0)),
    Warned("watch [/out]"),
    *(
        ActionFinished(KEY, "image", LABELS, outcome, 1.0, RESULT, "why [not]")
        for outcome in Outcome
    ),
    BuildFinished(1, 2.0),
)


def board(_folder: Path) -> EventSink:
    return LiveBoard(Console(file=io.StringIO(), force_terminal=True, width=80))


SINKS: dict[str, Callable[[Path], EventSink]] = {
    "plain": lambda _folder: PlainLines(io.StringIO()),
    "json": lambda _folder: EventLines(io.StringIO()),
    "logs": lambda folder: StepLogs(str(folder), lambda _text: None, lambda _key, text: text),
    "board": board,
    "trace": lambda _folder: Trace(lambda: 1.0, 0.0),
    "untraced": lambda _folder: UNTRACED,
    "recording": lambda _folder: RecordingSink(),
    "tee": lambda folder: Tee((RecordingSink(), board(folder))),
}


@pytest.mark.parametrize("make", SINKS.values(), ids=SINKS.keys())
def test_every_event_is_taken(make: Callable[[Path], EventSink], tmp_path: Path) -> None:
    sink = make(tmp_path)
    for event in EVENTS:
        sink.emit(event)


def test_all_kinds_of_events_are_tried_here() -> None:
    assert {type(event) for event in EVENTS} == set(Event.__args__)


def test_events_of_several_threads_reach_all_sinks_in_one_order() -> None:
    one, two = RecordingSink(), RecordingSink()
    tee = Tee((one, two))

    def emit(name: str) -> None:
        for number in range(50):
            tee.emit(Noted(f"{name}{number}"))

    threads = [threading.Thread(target=emit, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(one.events) == 200
    assert one.events == two.events
    of_a = [event for event in one.events if isinstance(event, Noted) and event.message[0] == "a"]
    assert of_a == [Noted(f"a{number}") for number in range(50)]
