"""What makes a trace valid, whatever it was made of."""

import json
from itertools import pairwise
from typing import Any

from buildsys.reporting.spans import Span


def events_of(text: str) -> list[dict[str, Any]]:
    """The events of a trace's file, after a look at each."""
    events: list[dict[str, Any]] = json.loads(text)["traceEvents"]
    for event in events:
        assert event["ph"] in {"X", "i", "M"}
        assert isinstance(event["name"], str)
        assert all(
            isinstance(event[name], int) and event[name] >= 0 for name in ("ts", "pid", "tid")
        )
        assert event["ph"] != "X" or (isinstance(event["dur"], int) and event["dur"] >= 0)
    tracks = {(event["pid"], event["tid"]) for event in events if event["ph"] == "X"}
    named = [(e["pid"], e["tid"]) for e in events if e["name"] == "thread_name"]
    assert sorted(named) == sorted(tracks), "each track has one name"
    for track in tracks:
        own = [e for e in events if e["ph"] == "X" and (e["pid"], e["tid"]) == track]
        assert_nothing_crosses([(e["ts"], e["ts"] + e["dur"]) for e in own])
    return events


def assert_nothing_crosses(times: list[tuple[float, float]]) -> None:
    around: list[float] = []
    for started, ended in sorted(times, key=lambda one: (one[0], -one[1])):
        while around and around[-1] <= started:
            around.pop()
        assert not around or ended <= around[-1]
        around.append(ended)


def assert_apart(spans: list[Span]) -> None:
    ordered = sorted(spans, key=lambda span: (span.started_s, span.ended_s))
    assert all(one.ended_s <= other.started_s for one, other in pairwise(ordered))
