"""Traces as files: spans → JSON → spans.

The format is the JSON object format of Google's "Trace Event Format" document (the Catapult project's
docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU), which chrome://tracing and
ui.perfetto.dev open. Spans are complete events (`ph` X), what was noted is instant events (i), the names of
tracks are metadata (M); `ts` and `dur` are whole microseconds. Of traces of others only complete events of
our categories would be read, so there is nothing to be found in them.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeGuard

from buildsys.reporting.spans import Kind, Span, Track

Event = dict[str, object]
MICRO = 1_000_000


class NotATrace(ValueError):
    """A text that isn't a trace of bs; says why."""


def encode(spans: Sequence[Span], notes: Iterable[tuple[float, str]], made_by: str) -> str:
    """One event a line, so that a trace can be read and searched as text too."""
    tracks = list(dict.fromkeys(span.track for span in spans))
    numbers = _numbers(tracks)
    events = [
        *_names(numbers),
        *(_complete(span, numbers[span.track]) for span in spans),
        *(_instant(time, text) for time, text in notes),
    ]
    lines = ",\n".join(json.dumps(event) for event in events)
    ending = json.dumps({"displayTimeUnit": "ms", "otherData": {"made_by": made_by}})
    return f'{{"traceEvents": [\n{lines}\n], {ending[1:]}\n'


def decode(text: str) -> list[Span]:
    """The spans of a trace that `encode` wrote.

    Raises:
        NotATrace: it isn't one.
    """
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        cut = text.rstrip() and not text.rstrip().endswith(("}", "]"))
        why = "it ends in the middle" if cut else f"not JSON: {error.msg}"
        raise NotATrace(f"{why} (line {error.lineno})") from None
    events = document.get("traceEvents") if isinstance(document, dict) else None
    if not isinstance(events, list):
        raise NotATrace("it has no `traceEvents`")
    tracks = _tracks([event for event in events if isinstance(event, dict)])
    spans = [_span(event, tracks) for event in events if _is_ours(event)]
    if not spans:
        raise NotATrace("it has nothing of a build by bs in it")
    return spans


def _numbers(tracks: Sequence[Track]) -> dict[Track, tuple[int, int]]:
    """A process and a thread for each track, in the order in which they are first used."""
    processes = list(dict.fromkeys(track.process for track in tracks))
    return {
        track: (processes.index(track.process) + 1, number)
        for number, track in enumerate(tracks, 1)
    }


def _names(numbers: Mapping[Track, tuple[int, int]]) -> Iterable[Event]:
    named: set[int] = set()
    for track, (process, thread) in numbers.items():
        if process not in named:
            named.add(process)
            yield _metadata("process_name", process, thread, {"name": track.process})
        yield _metadata("thread_name", process, thread, {"name": track.name})
        yield _metadata("thread_sort_index", process, thread, {"sort_index": thread})


def _metadata(name: str, process: int, thread: int, about: Mapping[str, object]) -> Event:
    return {"ph": "M", "name": name, "ts": 0, "pid": process, "tid": thread, "args": about}


def _complete(span: Span, number: tuple[int, int]) -> Event:
    # Both ends are rounded alike, so that what was inside another span still is.
    started, ended = _micros(span.started_s), _micros(span.ended_s)
    return {
        "ph": "X",
        "name": span.name,
        "cat": span.kind,
        "ts": started,
        "dur": ended - started,
        "pid": number[0],
        "tid": number[1],
        "args": span.about,
    }


def _instant(time: float, text: str) -> Event:
    return {
        "ph": "i",
        "s": "g",
        "name": text,
        "cat": "note",
        "ts": _micros(time),
        "pid": 1,
        "tid": 1,
    }


def _micros(seconds: float) -> int:
    return max(0, int(seconds * MICRO))


def _is_ours(event: object) -> bool:
    return isinstance(event, dict) and event.get("ph") == "X" and event.get("cat") in set(Kind)


def _tracks(events: Iterable[Event]) -> dict[tuple[object, object], Track]:
    """Process and thread → track; lanes are threads, so that tracks of one name stay apart."""
    processes: dict[object, str] = {}
    threads: dict[tuple[object, object], str] = {}
    for event in events:
        about = event.get("args")
        name = str(about.get("name", "")) if isinstance(about, dict) else ""
        if event.get("ph") == "M" and event.get("name") == "process_name":
            processes[event.get("pid")] = name
        elif event.get("ph") == "M" and event.get("name") == "thread_name":
            threads[event.get("pid"), event.get("tid")] = name
    return {
        (process, thread): Track(processes.get(process, ""), name, number)
        for number, ((process, thread), name) in enumerate(threads.items())
    }


def _span(event: Event, tracks: Mapping[tuple[object, object], Track]) -> Span:
    started, duration = event.get("ts"), event.get("dur")
    track = tracks.get((event.get("pid"), event.get("tid")))
    about = event.get("args", {})
    if not _is_time(started) or not _is_time(duration):
        raise NotATrace(f"an event without `ts` and `dur`: {event.get('name')}")
    if track is None or not isinstance(about, dict):
        raise NotATrace(f"an event on no track, or without `args`: {event.get('name')}")
    name, kind = str(event.get("name", "")), Kind(str(event["cat"]))
    return Span(kind, name, track, started / MICRO, (started + duration) / MICRO, about)


def _is_time(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and 0 <= value < math.inf
