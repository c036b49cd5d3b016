"""What is made of BuildKit's progress."""

import base64
import json

import pytest

from buildsys.engine.progress import SolveLog
from buildsys.events import Vertex
from tests.fakes import RecordingProgress


def fed(*lines: str) -> tuple[SolveLog, RecordingProgress]:
    progress = RecordingProgress()
    log = SolveLog(progress)
    for line in lines:
        log.feed(line)
    return log, progress


def vertex(name: str, digest: str = "", **fields: object) -> str:
    found = {"digest": digest or f"sha256:{name}", "name": name, "started": "2026-01-01", **fields}
    return json.dumps({"vertexes": [found]})


def text(content: bytes) -> str:
    return json.dumps({"logs": [{"vertex": "x", "data": base64.b64encode(content).decode()}]})


def test_each_step_is_told_once_when_it_starts() -> None:
    _, progress = fed(
        vertex("[a 1/2] RUN x", started=None),
        vertex("[a 1/2] RUN x"),
        vertex("[a 1/2] RUN x", completed="2026-01-02"),
        vertex("[a 2/2] RUN y"),
    )
    assert progress.steps == ["[a 1/2] RUN x", "[a 2/2] RUN y"]


def test_internal_and_cached_steps_are_not_told() -> None:
    _, progress = fed(vertex("[internal] load x"), vertex("[a 1/1] RUN x", cached=True))
    assert progress.steps == []


def test_output_is_passed_on_as_it_is() -> None:
    _, progress = fed(text(b"one\ntw"), text("o\u2028é".encode()), text(b"\xff"))
    assert progress.text == "one\ntwo\u2028é\ufffd"


def test_a_failure_is_the_step_and_what_its_process_said() -> None:
    log, _ = fed(
        vertex("[build 2/2] RUN go build", error='process "go build" did not complete: exit 1'),
        "",
        'error: failed to solve: process "/bin/sh -c go build" did not complete successfully: '
        "exit code: 1",
    )
    assert log.error() == "[build 2/2] RUN go build: exit code: 1"


def test_the_first_failure_is_the_cause_and_cancelled_ones_are_not() -> None:
    log, _ = fed(
        vertex("[a] RUN x", error="context canceled"),
        vertex("[b] RUN y", error="exit code: 2"),
        vertex("[c] RUN z", error="exit code: 3"),
        "error: failed to solve: failed to compute: exit code: 2",
    )
    assert log.failed_step == "[b] RUN y"
    assert log.error() == "[b] RUN y: failed to compute: exit code: 2"


def test_an_internal_failure_is_told_without_a_step() -> None:
    log, _ = fed(
        vertex("[internal] load metadata", error="not found"),
        "error: failed to solve: docker.io/library/nothing:1: not found",
    )
    assert (log.failed_step, log.error()) == ("", "docker.io/library/nothing:1: not found")


def test_a_silent_failure_is_named_all_the_same() -> None:
    log, _ = fed()
    assert log.error() == "buildctl failed"


def ended(name: str, seconds: float, **fields: object) -> dict[str, object]:
    times = {
        "started": "2026-01-01T00:00:00.500000001Z",
        "completed": f"2026-01-01T00:00:{seconds:012.9f}Z",
    }
    return {"digest": f"sha256:{name}", "name": name} | times | fields


def test_vertexes_and_their_parts_are_told_when_they_have_ended() -> None:
    part = ended("", 2, id="extracting sha256:1", vertex="sha256:[context a] load")
    _, progress = fed(
        vertex("[context a] load"),
        json.dumps({"vertexes": [ended("[context a] load", 3)], "statuses": [part]}),
        json.dumps({"vertexes": [ended("[a 1/1] RUN x", 1, cached=True)]}),
        json.dumps({"vertexes": [ended("[internal] load", 1, error="not found")]}),
    )
    begun = 1_767_225_600.5
    assert progress.vertexes == [
        Vertex("[context a] load", begun, begun + 2.5),
        Vertex("extracting sha256:1", begun, begun + 1.5, part_of="[context a] load"),
        Vertex("[a 1/1] RUN x", begun, begun + 0.5, cached=True),
        Vertex("[internal] load", begun, begun + 0.5),
    ]


@pytest.mark.parametrize("time", ["", "yesterday", 5, None, "9999-99-99T00:00:00Z"])
def test_what_is_no_time_is_no_end(time: object) -> None:
    _, progress = fed(json.dumps({"vertexes": [ended("[a] RUN x", 1, completed=time)]}))
    assert progress.vertexes == []


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        "[]",
        "null",
        "5",
        '"text"',
        "{",
        '{"vertexes": null, "logs": 5}',
        '{"vertexes": [null, 1, {}], "logs": [null, {}]}',
        '{"statuses": [{"id": "x"}], "warnings": []}',
        "\x00",
    ],
)
def test_no_line_breaks_the_log(line: str) -> None:
    log, progress = fed(line, vertex("[a] RUN x"))
    assert progress.steps[-1] == "[a] RUN x"
    assert isinstance(log.error(), str)


def test_a_log_that_is_no_base64_is_no_reason_to_stop() -> None:
    _, progress = fed('{"logs": [{"data": "a"}]}', vertex("[a] RUN x"))
    assert progress.steps == ["[a] RUN x"]
