"""Laws of traces: whatever happened, the file is valid, nothing is lost, and no time is counted twice."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from buildsys.events import (
    ActionFinished,
    ActionStarted,
    ActionVertex,
    BuildStarted,
    Outcome,
    Vertex,
)
from buildsys.model.digest import ActionKey
from buildsys.model.label import Label
from buildsys.reporting.profile import profile_of
from buildsys.reporting.profile_tables import profile_document, profile_lines
from buildsys.reporting.spans import Kind, Span, Track, in_lanes
from buildsys.reporting.trace import ACTION, Trace
from buildsys.reporting.trace_format import NotATrace, decode, encode
from tests.fakes import FakeClock
from tests.traces import assert_apart, assert_nothing_crosses, events_of

KEYS = tuple(ActionKey(digit * 64) for digit in "0123")
times = st.floats(0, 3, allow_nan=False).map(lambda seconds: round(seconds, 7))
vertexes = st.builds(
    lambda name, begun, took, cached, part: Vertex(
        name, begun, begun + took, cached=cached, part_of=part
    ),
    st.sampled_from(("[internal] load", "[a 1/2] RUN x", "[context a] load", "exporting")),
    times,
    times,
    st.booleans(),
    st.sampled_from(("", "", "[context a] load", "exporting")),
)
trees: st.SearchStrategy[Any] = st.recursive(
    st.just([]), lambda inner: st.lists(st.tuples(times, inner, times), max_size=3), max_leaves=8
)
"""Phases inside each other: time before, phases inside, time behind."""


def run_tree(trace: Trace, clock: FakeClock, tree: list[tuple[float, object, float]]) -> None:
    for before, inside, behind in tree:
        clock.advance(before)
        with trace.span(f"phase {len(tree)}"):
            assert isinstance(inside, list)
            run_tree(trace, clock, inside)
            clock.advance(behind)


@st.composite
def traces(draw: st.DrawFn) -> tuple[Trace, int]:
    """A trace of anything, and how many spans of threads are in it."""
    clock = FakeClock()
    trace = Trace(clock.monotonic, -draw(times))
    begun = 1
    run_tree(trace, clock, tree := draw(trees))
    begun += _count(tree)
    trace.emit(BuildStarted(1, len(KEYS)))
    for number, key in enumerate(draw(st.lists(st.sampled_from(KEYS), max_size=5))):
        needs = tuple(draw(st.sets(st.sampled_from(KEYS), max_size=2)))
        label = Label("cmd/api", f"api{number % 2}")
        clock.advance(draw(times))
        trace.emit(ActionStarted(key, "image", (label,), needs))
        tree, told = draw(trees), draw(st.lists(st.tuples(times, vertexes), max_size=6))
        begun += 1 + _count(tree)
        _in_thread(partial(_act, trace, clock, key, tree, told))
        if draw(st.booleans()):
            trace.emit(ActionFinished(key, "image", (label,), Outcome.BUILT, 1.0))
    return trace, begun


def _act(
    trace: Trace,
    clock: FakeClock,
    key: ActionKey,
    tree: list[tuple[float, object, float]],
    told: list[tuple[float, Vertex]],
) -> None:
    with trace.span(ACTION, key):
        run_tree(trace, clock, tree)
        for after, vertex in told:
            clock.advance(after)
            trace.emit(ActionVertex(key, vertex))


def _count(tree: object) -> int:
    assert isinstance(tree, list)
    return sum(1 + _count(inside) for _, inside, _ in tree)


def _in_thread(run: Callable[[], None]) -> None:
    thread = threading.Thread(target=run, name="action_0")
    thread.start()
    thread.join()


@given(traces())
def test_any_trace_is_valid_and_is_read_as_it_was(made: tuple[Trace, int]) -> None:
    trace, begun = made
    spans = trace.spans()
    assert sum(span.kind in {Kind.PHASE, Kind.ACTION} for span in spans) == begun
    text = encode(spans, trace.notes, "bs 0")
    assert sum(event["ph"] == "X" for event in events_of(text)) == len(spans)
    found = decode(text)
    assert [(one.kind, one.name, one.about) for one in found] == [
        (one.kind, one.name, one.about) for one in spans
    ]
    assert all(
        abs(one.started_s - other.started_s) < 2e-6 and abs(one.ended_s - other.ended_s) < 2e-6
        for one, other in zip(found, spans, strict=True)
    )


@given(traces())
def test_phases_are_what_the_threads_spent_and_the_path_is_no_longer_than_the_build(
    made: tuple[Trace, int],
) -> None:
    spans = decode(encode(made[0].spans(), (), "bs 0"))
    profile = profile_of(spans)
    outermost = sum(
        span.duration_s
        for span in spans
        if span.kind in {Kind.PHASE, Kind.ACTION}
        and not any(
            other.track == span.track and other.encloses(span)
            for at, other in enumerate(spans)
            if at > spans.index(span) and other.kind in {Kind.PHASE, Kind.ACTION}
        )
    )
    assert abs(sum(phase.duration_s for phase in profile.phases) - outermost) < 1e-4
    assert profile.critical_s <= profile.duration_s + 1e-4
    assert all(0 <= layer.waited_s <= profile.duration_s for layer in profile.layers)
    assert profile_document(profile)["schema"] == 1
    assert all(line.isprintable() for line in profile_lines(profile, top=9, colour=False))


@given(st.lists(vertexes, max_size=12))
def test_lanes_lose_nothing_and_keep_apart_what_is_apart(told: list[Vertex]) -> None:
    track = Track("BuildKit", "image")
    spans = [
        Span(
            Kind.PART if one.part_of else Kind.VERTEX,
            one.name,
            track,
            one.started_s,
            one.ended_s,
            {"part_of": one.part_of} if one.part_of else {},
        )
        for one in told
    ]
    placed = in_lanes(spans)
    assert sorted((s.name, s.started_s, s.ended_s) for s in placed) == sorted(
        (s.name, s.started_s, s.ended_s) for s in spans
    )
    for lane in {span.track for span in placed}:
        own = [span for span in placed if span.track == lane]
        assert_apart([span for span in own if span.kind is Kind.VERTEX])
        assert_nothing_crosses([(span.started_s, span.ended_s) for span in own])


@given(traces(), st.integers(0, 10_000), st.text(max_size=3))
def test_a_damaged_trace_is_read_or_refused(
    made: tuple[Trace, int], at: int, with_text: str
) -> None:
    text = encode(made[0].spans(), (), "bs 0")
    cut = at % len(text)
    for damaged in (text[:cut], text[:cut] + with_text + text[cut + len(with_text) :]):
        try:
            spans = decode(damaged)
        except NotATrace:
            continue
        profile_lines(profile_of(spans), top=9, colour=False)
