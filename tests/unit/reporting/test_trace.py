"""Profiles: a build goes in, a trace comes out; a trace goes in, tables come out."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import pytest

from buildsys.errors import BuildFailed, CheckFailed, Interrupted
from buildsys.events import ActionEngine, ActionStarted, ActionVertex, Noted, Outcome, Vertex
from buildsys.execution.builder import Builder
from buildsys.execution.lookup import look_up
from buildsys.execution.options import Options
from buildsys.execution.ports import Progress, SolveRequest
from buildsys.model.action import ActionResult, KeyedAction, Role, TargetActions
from buildsys.model.digest import ActionKey
from buildsys.model.label import Label
from buildsys.reporting.profile import Profile, kind_of, profile_of
from buildsys.reporting.profile_tables import profile_document, profile_lines
from buildsys.reporting.sinks import Tee
from buildsys.reporting.spans import Kind, Span
from buildsys.reporting.trace import Trace
from buildsys.reporting.trace_format import NotATrace, decode, encode
from buildsys.reporting.traced_ports import traced
from buildsys.tracing import UNTRACED, Tracer, timed
from tests.builds import Checkout, action, service, source_files, target
from tests.fakes import FakeClock, FakeSolver, MemoryStore
from tests.traces import assert_apart, events_of

FILES = source_files("go.mod", "cmd/api/main.go", "cmd/web/main.go")
TOOK: Mapping[str, float] = {"modules": 10.0, "packages": 20.0, "image": 2.0}
ENGINE_S = 5_000_000.0
"""What the engine's clock shows at our zero."""

SCREEN = """\
solves: 34.00s of 35.75s (95%)

phase           times    time  share
solve               4  34.00s    95%
load                1   1.50s     4%
start               1   0.25s     1%
between phases      4   0.00s     0%

layer                             outcome    time  share  waited  of which
packages of //cmd/api and 1 more  built    20.00s    56%   0.00s  solve 20.00s
modules of //cmd/api and 1 more   built    10.00s    28%   0.00s  solve 10.00s
image of //cmd/web                built     2.00s     6%   0.00s  solve 2.00s
image of //cmd/api                built     2.00s     6%   2.00s  solve 2.00s

BuildKit  steps  cached    time  share
RUN           4       0  30.00s    84%
transfer      8       4   4.00s    11%
export        4       0   2.00s     6%
internal      4       0   1.00s     3%

critical path                       time  share  of which
start                              0.25s     1%
load                               1.50s     4%
modules of //cmd/api and 1 more   10.00s    28%  solve 10.00s
packages of //cmd/api and 1 more  20.00s    56%  solve 20.00s
image of //cmd/web                 2.00s     6%  solve 2.00s
critical path: 33.75s of 35.75s (94%)"""


def solving(checkout: Checkout, took: Mapping[str, float] = TOOK) -> Callable[[SolveRequest], None]:
    """Lets time pass, and tells of vertexes by the engine's own clock."""

    def solve(request: SolveRequest) -> None:
        begun = ENGINE_S + checkout.clock.now
        checkout.clock.advance(took[request.stage])
        ended = ENGINE_S + checkout.clock.now
        checkout.solver.vertexes = (
            Vertex("[internal] load build definition", begun, begun + 0.25),
            Vertex("[context a] OCI load from client", begun, begun + 0.5),
            Vertex("[context b] OCI load from client", begun, begun + 0.5, cached=True),
            Vertex(
                "extracting sha256:1",
                begun,
                begun + 0.25,
                part_of="[context a] OCI load from client",
            ),
            Vertex(f"[{request.stage} 1/1] RUN make", begun + 0.5, ended - 0.5),
            Vertex("exporting to oci image format", ended - 0.5, ended),
        )

    return solve


def profiled(
    checkout: Checkout, *targets: TargetActions, began_s: float = 0.0, keep_going: bool = False
) -> Trace:
    """A build of which a profile is made; a second is spent before it, on loading."""
    clock = checkout.clock
    trace = Trace(clock.monotonic, began_s)
    with trace.span("load"):
        clock.advance(1.5)
        planned = checkout.keyed(targets)
    builder = Builder(traced(checkout.performer(), trace), Tee((trace, checkout.sink)), {})
    with trace.span("actions"):
        builder.build(
            planned,
            look_up(planned, checkout.store),
            checkout.bases,
            Options(1, keep_going=keep_going),
        )
    return trace


def read(trace: Trace) -> list[Span]:
    text = encode(trace.spans(), trace.notes, "bs 0")
    events_of(text)
    return decode(text)


def spans_of(trace: Trace, kind: Kind) -> dict[str, list[Span]]:
    found: dict[str, list[Span]] = {}
    for span in read(trace):
        if span.kind is kind:
            found.setdefault(span.name, []).append(span)
    return found


@pytest.fixture
def two(memory_store: MemoryStore) -> Checkout:
    checkout = Checkout(memory_store, dict(FILES), FakeSolver(frozenset({"packages"})))
    checkout.solver.on_solve = solving(checkout)
    return checkout


def profile(checkout: Checkout) -> Profile:
    checkout.clock.advance(0.25)
    return profile_of(read(profiled(checkout, service("api"), service("web"))))


def test_a_profile_is_shown_by_phase_layer_and_kind_with_the_critical_path(two: Checkout) -> None:
    assert "\n".join(profile_lines(profile(two), top=4, colour=False)) == SCREEN


def test_colour_adds_nothing_but_colour(two: Checkout) -> None:
    found = profile(two)
    plain = profile_lines(found, top=9, colour=False)
    coloured = profile_lines(found, top=9, colour=True)
    assert [line.replace("\x1b[2m", "").replace("\x1b[0m", "") for line in coloured] == plain
    assert coloured != plain


def test_the_document_is_the_contract(two: Checkout) -> None:
    document = profile_document(profile(two))
    assert document["schema"] == 1
    assert document["duration_s"] == 35.75
    assert document["solving_s"] == 34.0
    assert json.loads(json.dumps(document)) == document
    assert list(document) == [
        *("schema", "duration_s", "solving_s", "phases", "layers", "engine", "critical_path")
    ]
    assert document["layers"][0] == {  # type: ignore[index]
        "name": "packages of //cmd/api and 1 more",
        "outcome": "built",
        "duration_s": 20.0,
        "waited_s": 0.0,
        "phases": {
            "between phases": 0.0,
            "lock": 0.0,
            "look up": 0.0,
            "prepare": 0.0,
            "solve": 20.0,
            "adopt": 0.0,
            "clear away": 0.0,
            "measure": 0.0,
            "record": 0.0,
        },
        "engines": ["unix:///made/up"],
    }
    assert document["critical_path"]["duration_s"] == 33.75  # type: ignore[index]


def test_the_critical_path_is_the_longest_chain_and_what_all_wait_for(two: Checkout) -> None:
    steps = [(step.name, step.duration_s) for step in profile(two).critical_path]
    image = next(name for name, _ in steps if name.startswith("image"))
    assert steps == [
        ("start", 0.25),
        ("load", 1.5),
        ("modules of //cmd/api and 1 more", 10.0),
        ("packages of //cmd/api and 1 more", 20.0),
        (image, 2.0),
        ("other", 0.0),
    ]


def test_what_is_ready_and_finds_no_worker_waits(two: Checkout) -> None:
    waits = spans_of(profiled(two, service("api"), service("web")), Kind.WAIT)
    waited = sorted(wait.duration_s for one in waits.values() for wait in one)
    assert waited == [0.0, 0.0, 0.0, 2.0], "one worker: one image waits for the other"


def test_every_phase_of_an_action_lies_in_it(two: Checkout) -> None:
    trace = profiled(two, target("api", action("image", ("go.mod",), role=Role.CODE)))
    spans = [span for span in read(trace) if span.track.name.startswith("action_")]
    assert [span.name for span in spans] == [
        *("lock", "look up", "prepare", "seal", "solve", "adopt", "clear away"),
        *("measure", "record", "image of //cmd/api"),
    ]
    assert all(spans[-1].encloses(span) for span in spans)
    assert spans[-1].about["outcome"] == "built"
    assert spans[-1].about["labels"] == ["//cmd/api"]


# --- the engine -----------------------------------------------------------------------------------


def test_the_engines_time_is_ours_whatever_its_clock_shows(two: Checkout) -> None:
    trace = profiled(two, service("api"))
    (modules,) = spans_of(trace, Kind.ACTION)["modules of //cmd/api"]
    (step,) = spans_of(trace, Kind.VERTEX)["[modules 1/1] RUN make"]
    assert (step.started_s, step.ended_s) == (modules.started_s + 0.5, modules.ended_s - 0.5)
    for name in ("[context a] OCI load from client", "extracting sha256:1"):
        for span in {**spans_of(trace, Kind.VERTEX), **spans_of(trace, Kind.PART)}[name]:
            assert span.duration_s == (0.25 if span.kind is Kind.PART else 0.5)


def test_what_was_begun_for_another_solve_is_shown_from_where_the_action_began(
    two: Checkout,
) -> None:
    def solve(_request: SolveRequest) -> None:
        two.clock.advance(1.0)
        two.solver.vertexes = (Vertex("[a 1/1] RUN", ENGINE_S - 99, ENGINE_S),)

    two.solver.on_solve = solve
    trace = profiled(two, target("api", action("image", ("go.mod",), role=Role.CODE)))
    (ran,) = spans_of(trace, Kind.VERTEX)["[a 1/1] RUN"]
    (image,) = spans_of(trace, Kind.ACTION)["image of //cmd/api"]
    assert (ran.started_s, ran.ended_s) == (image.started_s, image.ended_s)


def test_each_engines_time_is_moved_by_its_own_clock_and_named(two: Checkout) -> None:
    """One that went away is another one, with another clock."""
    clock = two.clock
    trace = Trace(clock.monotonic, 0.0)
    key = ActionKey("1" * 64)
    with trace.span("action", key):
        trace.emit(ActionStarted(key, "image", (Label("cmd/api", "api"),)))
        for engine, engine_s in (("tcp://a:1", ENGINE_S), ("tcp://b:1", -ENGINE_S)):
            trace.emit(ActionEngine(key, engine))
            clock.advance(2.0)
            trace.emit(ActionVertex(key, Vertex("[a 1/1] RUN", engine_s, engine_s + 1.0)))
    begun = clock.now - 4.0
    ran = spans_of(trace, Kind.VERTEX)["[a 1/1] RUN"]
    assert [(s.started_s - begun, s.about["engine"]) for s in ran] == [
        (1.0, "tcp://a:1"),
        (3.0, "tcp://b:1"),
    ]
    (image,) = spans_of(trace, Kind.ACTION)["image of //cmd/api"]
    assert image.about["engines"] == ["tcp://a:1", "tcp://b:1"]


def test_a_profile_names_engines_where_there_are_several(two: Checkout) -> None:
    one = profile(two)
    assert "unix:///made/up" not in "\n".join(profile_lines(one, top=9, colour=False))
    layers = (replace(one.layers[0], engines=("tcp://a:1", "tcp://b:1")), *one.layers[1:])
    lines = profile_lines(replace(one, layers=layers), top=9, colour=False)
    (row,) = (line for line in lines if line.startswith(layers[0].name) and "built" in line)
    assert "tcp://a:1, tcp://b:1" in row


def test_vertexes_that_run_at_once_are_in_lanes_and_their_parts_inside_them(two: Checkout) -> None:
    trace = profiled(two, service("api"))
    vertexes = [span for span in trace.spans() if span.kind in {Kind.VERTEX, Kind.PART}]
    assert {span.track.name for span in vertexes} == {
        f"{layer} of //cmd/api" for layer in ("modules", "packages", "image")
    }
    for track in {span.track for span in vertexes}:
        assert_apart([s for s in vertexes if s.track == track and s.kind is Kind.VERTEX])
    (load, part) = (
        next(span for span in vertexes if span.name == name)
        for name in ("[context a] OCI load from client", "extracting sha256:1")
    )
    assert load.track == part.track


@pytest.mark.parametrize(
    ("vertex", "kind"),
    [
        ("[internal] load build definition from Dockerfile", "internal"),
        ("[context packages] load metadata for docker.io/x@sha256:1", "transfer"),
        ("[context sources] OCI load from client", "transfer"),
        ("[golang 1/1] FROM docker.io/library/golang@sha256:1", "transfer"),
        ("[build 2/3] RUN --network=none go build", "RUN"),
        ("[linux/amd64 build 2/3] COPY --from=a / /", "COPY"),
        ("exporting to oci image format", "export"),
        ("resolve image config for docker-image://docker.io/x", "other"),
        ("", "other"),
    ],
)
def test_vertexes_are_told_apart_by_their_names(vertex: str, kind: str) -> None:
    assert kind_of(vertex) == kind


# --- ends that aren't good ------------------------------------------------------------------------


def test_what_failed_is_in_the_trace_with_its_outcome(two: Checkout) -> None:
    two.solver.failures = {"modules": BuildFailed("no")}
    trace = profiled(two, service("api"))
    (modules,) = spans_of(trace, Kind.ACTION).values()
    assert modules[0].about["outcome"] == "failed"
    assert modules[0].duration_s == 10.0


def test_an_interrupted_build_has_a_trace(two: Checkout) -> None:
    two.solver.failures = {"packages": Interrupted("interrupted")}
    trace = Trace(two.clock.monotonic, 0.0)
    planned = two.keyed([service("api")])
    builder = Builder(traced(two.performer(), trace), trace, {})
    with pytest.raises(Interrupted), trace.span("actions"):
        builder.build(planned, look_up(planned, two.store), two.bases, Options(1))
    outcomes = {
        name: span.about["outcome"] for name, (span,) in spans_of(trace, Kind.ACTION).items()
    }
    assert outcomes == {"modules of //cmd/api": "built", "packages of //cmd/api": "unknown"}
    assert profile_of(read(trace)).duration_s == 30.0


def test_what_is_under_way_ends_when_the_trace_is_written() -> None:
    clock = FakeClock()
    trace = Trace(clock.monotonic, 0.0)
    with trace.span("outer"), trace.span("inner", "of it"):
        clock.advance(2.0)
        found = {span.name: span.duration_s for span in read(trace)}
    assert found == {"start": 0.0, "outer": 2.0, "inner": 2.0}


def test_a_build_that_runs_nothing_has_a_profile_too(two: Checkout) -> None:
    two.build(service("api"))
    two.clock.now = 0.25
    found = profile_of(read(profiled(two, service("api"))))
    assert (found.duration_s, found.solving_s, found.layers, found.engine) == (1.75, 0.0, (), ())
    assert [step.name for step in found.critical_path] == ["start", "load", "other"]


@dataclass
class Refusing:
    """The port `Judge`."""

    clock: FakeClock

    def judge(self, _keyed: KeyedAction, _result: ActionResult, _progress: Progress, /) -> None:
        self.clock.advance(3.0)
        raise CheckFailed("1 test failed")


def test_judging_and_an_action_that_another_process_made_are_in_the_trace(two: Checkout) -> None:
    two.judge = Refusing(two.clock)
    one = target("api", action("image", ("go.mod",), role=Role.TEST))
    trace = profiled(two, one)
    (judged,) = spans_of(trace, Kind.PHASE)["judge"]
    assert judged.duration_s == 3.0
    assert two.sink.outcomes == {"image of //cmd/api": Outcome.FAILED}
    assert two.store.records == {}, "the ports do what they did without a tracer"


# --- the format -----------------------------------------------------------------------------------


def test_what_was_noted_is_in_the_trace_where_it_was_said() -> None:
    clock = FakeClock()
    trace = Trace(clock.monotonic, 0.0)
    clock.advance(1.0)
    trace.emit(Noted("bootstrapping golang"))
    events = events_of(encode(trace.spans(), trace.notes, "bs 1"))
    assert [(e["name"], e["ts"]) for e in events if e["ph"] == "i"] == [
        ("bootstrapping golang", 1_000_000)
    ]


def test_reading_what_was_written_gives_the_spans_back(two: Checkout) -> None:
    spans = profiled(two, service("api"), service("web")).spans()
    found = decode(encode(spans, (), "bs 0"))
    assert [(s.kind, s.name, s.track.name, s.duration_s, dict(s.about)) for s in found] == [
        (s.kind, s.name, s.track.name, s.duration_s, json.loads(json.dumps(dict(s.about))))
        for s in spans
    ]


ONE = encode(Trace(lambda: 1.0, 0.0).spans(), (), "bs 0")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not JSON"),
        ("{", "it ends in the middle (line 1)"),
        (ONE[: len(ONE) // 2], "it ends in the middle"),
        ("#!/bin/sh\n}", "not JSON"),
        ("[]", "no `traceEvents`"),
        ("5", "no `traceEvents`"),
        ('{"traceEvents": 5}', "no `traceEvents`"),
        ('{"traceEvents": []}', "nothing of a build by bs"),
        ('{"traceEvents": [null, {"ph": "X", "cat": "gpu", "name": "x"}]}', "nothing of a build"),
        (ONE.replace('"dur": 1000000', '"dur": -1'), "without `ts` and `dur`: start"),
        (ONE.replace('"dur": 1000000', '"dur": NaN'), "without `ts` and `dur`: start"),
        (ONE.replace('"dur": 1000000', '"long": 1'), "without `ts` and `dur`: start"),
        (ONE.replace('"thread_name"', '"name"'), "on no track"),
        (ONE.replace('"args": {}', '"args": 5'), "on no track, or without `args`"),
    ],
)
def test_what_is_no_trace_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(NotATrace) as refused:
        decode(text)
    assert why in str(refused.value)


@pytest.mark.parametrize("about", ['{"needs": 5}', '{"needs": ["k"], "key": "k"}', '{"key": []}'])
def test_an_action_of_which_odd_things_are_told_is_an_action(about: str) -> None:
    text = ONE.replace('"args": {}', f'"args": {about}').replace('"phase"', '"action"')
    assert profile_of(decode(text)).layers[0].name == "start"


# --- tracers --------------------------------------------------------------------------------------


@dataclass
class Worker:
    """Has a tracer."""

    tracer: Tracer
    done: list[str] = field(default_factory=list)

    @timed("work")
    def work(self, what: str, *, times: int = 1) -> int:
        """Works."""
        self.done += [what] * times
        return len(self.done)


def test_a_timed_method_is_what_it_was_and_a_span() -> None:
    clock = FakeClock()
    trace = Trace(clock.monotonic, 0.0)
    for tracer in (UNTRACED, trace):
        assert Worker(tracer).work("a", times=2) == 2
    assert Worker.work.__doc__ == "Works."
    assert [span.name for span in trace.spans()] == ["start", "work"]
