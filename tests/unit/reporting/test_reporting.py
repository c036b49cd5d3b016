"""Whole outputs: tables, documents, lines."""

import io
import json
from pathlib import Path

import pytest

from buildsys.events import (
    ActionFinished,
    ActionOutput,
    ActionStarted,
    BuildStarted,
    Noted,
    Outcome,
    Warned,
)
from buildsys.execution.report import BuildReport
from buildsys.keys.explain import Reason, ReasonCode
from buildsys.reporting.columns import columns
from buildsys.reporting.documents import build_document, dumped, reason_document, status_document
from buildsys.reporting.sinks import EventLines, PlainLines, StepLogs, who
from buildsys.reporting.tables import build_lines, status_lines
from buildsys.reporting.text import duration, size
from tests.unit.reporting.support import (
    API,
    BASE,
    CHANGED,
    DIGEST,
    REPORT,
    STATUSES,
    WORKER,
    key,
    result,
)

STATUS = """\
//cmd/api     fresh    modules image         12.3MB
//cmd/worker  stale    modules image(stale)       -
//cmd/new     missing  image(missing)             -
3 targets: 1 fresh, 2 not"""

EXPLAINED = """\
//cmd/api     fresh    modules image         12.3MB
//cmd/worker  stale    modules image(stale)       -
    image: base changed: alpine
    image: file changed: cmd/worker/main.go
//cmd/new     missing  image(missing)             -
    image: base missing: rust
3 targets: 1 fresh, 2 not"""

BUILD = """\
target        outcome  layers                   size           budget   time  saved
//cmd/api     built    modules image(built)   12.3MB  10.0MB exceeded   2.0s  30.0s
//cmd/worker  failed   modules image(failed)       -                -  1m15s  30.0s
//cmd/new     skipped  image(skipped)              -                -   0.0s   0.0s
3 targets: 1 built, 1 failed, 1 skipped; 2 solves on 2 engines, 1m17s, critical path 1m15s (image)"""


def test_the_status_is_a_line_a_target() -> None:
    assert "\n".join(status_lines(STATUSES, explain=False, colour=False)) == STATUS


def test_an_explained_status_has_every_reason() -> None:
    assert "\n".join(status_lines(STATUSES, explain=True, colour=False)) == EXPLAINED


def test_a_build_ends_with_a_table() -> None:
    assert "\n".join(build_lines(REPORT, colour=False)) == BUILD


def test_colour_adds_nothing_but_colour() -> None:
    import re  # noqa: PLC0415

    coloured = "\n".join(build_lines(REPORT, colour=True))
    assert re.sub(r"\x1b\[\d+m", "", coloured) == BUILD
    assert "\x1b[31mfailed\x1b[0m" in coloured
    shown = "\n".join(status_lines(STATUSES, explain=True, colour=True))
    assert re.sub(r"\x1b\[\d+m", "", shown) == EXPLAINED


def test_an_empty_workspace_has_an_empty_status_and_an_empty_build() -> None:
    assert status_lines([], explain=True, colour=False) == ["0 targets: 0 fresh, 0 not"]
    nothing = BuildReport((), 0, 0.0, (), ())
    assert build_lines(nothing, colour=False) == ["0 targets: nothing; 0 solves, 0.0s"]


def test_the_status_document_is_the_contract() -> None:
    assert status_document("platform", STATUSES) == {
        "schema": 1,
        "workspace": "platform",
        "summary": {"targets": 3, "fresh": 1, "stale": 2},
        "targets": [
            {
                "label": "//cmd/api",
                "rule": "go_image",
                "state": "fresh",
                "layers": [
                    {
                        "name": "modules",
                        "role": "dependency",
                        "state": "fresh",
                        "key": key(1),
                        "digest": DIGEST,
                        "size_bytes": 5_000,
                        "reasons": [],
                    },
                    {
                        "name": "image",
                        "role": "code",
                        "state": "fresh",
                        "key": key(2),
                        "digest": DIGEST,
                        "size_bytes": 5_000,
                        "reasons": [],
                    },
                ],
            },
            {
                "label": "//cmd/worker",
                "rule": "go_image",
                "state": "stale",
                "layers": [
                    {
                        "name": "modules",
                        "role": "dependency",
                        "state": "fresh",
                        "key": key(1),
                        "digest": DIGEST,
                        "size_bytes": 5_000,
                        "reasons": [],
                    },
                    {
                        "name": "image",
                        "role": "code",
                        "state": "stale",
                        "key": key(3),
                        "digest": None,
                        "size_bytes": None,
                        "reasons": [
                            {"code": "base_changed", "subject": "alpine"},
                            {"code": "file_changed", "path": "cmd/worker/main.go"},
                        ],
                    },
                ],
            },
            {
                "label": "//cmd/new",
                "rule": "rust_image",
                "state": "missing",
                "layers": [
                    {
                        "name": "image",
                        "role": "code",
                        "state": "missing",
                        "key": None,
                        "digest": None,
                        "size_bytes": None,
                        "reasons": [{"code": "base_missing", "subject": "rust"}],
                    }
                ],
            },
        ],
    }


def test_the_build_document_is_the_contract() -> None:
    document = json.loads(dumped(build_document("platform", REPORT, {key(3): (BASE, CHANGED)})))
    modules = {
        "name": "modules",
        "role": "dependency",
        "outcome": "fresh",
        "key": key(1),
        "digest": DIGEST,
        "size_bytes": 5_000,
        "duration_s": 0.0,
        "saved_s": 30.0,
        "engine": None,
        "reasons": [],
    }
    skipped: dict[str, object] = {
        "name": "image",
        "role": "code",
        "outcome": "skipped",
        "key": key(4),
        "digest": None,
        "size_bytes": None,
        "duration_s": 0.0,
        "saved_s": 0.0,
        "engine": None,
        "reasons": [],
    }
    built = {
        **modules,
        "name": "image",
        "role": "code",
        "outcome": "built",
        "key": key(2),
        "duration_s": 2.04,
        "saved_s": 0.0,
        "engine": "tcp://a:1",
    }
    failed = {
        **skipped,
        "outcome": "failed",
        "key": key(3),
        "duration_s": 75.0,
        "engine": "tcp://b:1",
        "reasons": [
            {"code": "base_changed", "subject": "alpine"},
            {"code": "file_changed", "path": "cmd/worker/main.go"},
        ],
    }
    assert document == {
        "schema": 1,
        "workspace": "platform",
        "targets": [
            {
                "label": "//cmd/api",
                "rule": "go_image",
                "outcome": "built",
                "layers": [modules, built],
                "image": {
                    "digest": DIGEST,
                    "size_bytes": 12_345_678,
                    "compressed_size_bytes": 5_000,
                },
                "max_size_bytes": 10_000_000,
            },
            {
                "label": "//cmd/worker",
                "rule": "go_image",
                "outcome": "failed",
                "layers": [modules, failed],
                "image": None,
                "max_size_bytes": None,
            },
            {
                "label": "//cmd/new",
                "rule": "rust_image",
                "outcome": "skipped",
                "layers": [skipped],
                "image": None,
                "max_size_bytes": None,
            },
        ],
        "engine": {"solves": 2, "by_address": {"tcp://a:1": 1, "tcp://b:1": 1}},
        "duration_s": 77.123,
        "critical_path": [{"layer": "image", "labels": ["//cmd/worker"], "duration_s": 75.0}],
    }


def test_reason_codes_are_the_documented_list() -> None:
    assert {str(code) for code in ReasonCode} == {
        "file_changed",
        "file_added",
        "file_removed",
        "mode_changed",
        "manifest_changed",
        "base_changed",
        "base_missing",
        "rule_changed",
        "attribute_changed",
        "target_added",
        "not_compared",
        "dependency_layer_changed",
        "never_built",
        "evicted",
        "inputs_unknown",
    }
    assert reason_document(Reason(ReasonCode.EVICTED)) == {"code": "evicted"}


def finished(outcome: Outcome, message: str = "") -> ActionFinished:
    return ActionFinished(key(1), "image", (API, WORKER), outcome, 61.0, result(5), message)


def test_plain_lines_say_what_begins_and_ends() -> None:
    stream = io.StringIO()
    sink = PlainLines(stream)
    sink.emit(BuildStarted(2, 1))
    sink.emit(Noted("starting BuildKit"))
    sink.emit(ActionStarted(key(1), "image", (API,)))
    sink.emit(Warned("a blob is damaged"))
    sink.emit(finished(Outcome.BUILT))
    sink.emit(finished(Outcome.FAILED, "exit code: 1"))
    sink.emit(finished(Outcome.SKIPPED))
    assert stream.getvalue() == (
        "note: starting BuildKit\n"
        "start   image of //cmd/api\n"
        "warning: a blob is damaged\n"
        "built   image of //cmd/api and 1 more in 1m01s\n"
        "failed  image of //cmd/api and 1 more in 1m01s: exit code: 1\n"
        "skipped image of //cmd/api and 1 more\n"
    )


def test_event_lines_are_json_with_names_and_labels() -> None:
    stream = io.StringIO()
    sink = EventLines(stream)
    sink.emit(ActionStarted(key(1), "image", (API, WORKER), (key(2),)))
    sink.emit(Warned('with "quotes"\nand lines'))
    sink.emit(finished(Outcome.BUILT))
    started, warned, ended = map(json.loads, stream.getvalue().splitlines())
    assert started == {
        "event": "ActionStarted",
        "key": key(1),
        "layer": "image",
        "labels": ["//cmd/api", "//cmd/worker"],
        "needs": [key(2)],
    }
    assert (warned["event"], warned["message"]) == ("Warned", 'with "quotes"\nand lines')
    assert (ended["outcome"], ended["result"]["digest"]) == ("built", DIGEST)


def test_logs_are_kept_for_each_action_and_shown_of_a_failed_one(tmp_path: Path) -> None:
    shown: list[str] = []
    sink = StepLogs(str(tmp_path / "logs"), shown.append, lambda _key, text: text.upper())
    for outcome in (Outcome.BUILT, Outcome.FAILED, Outcome.SKIPPED):
        if outcome is not Outcome.SKIPPED:
            sink.emit(ActionOutput(key(1), "half a "))
            sink.emit(ActionOutput(key(1), f"line of {outcome}\n"))
        sink.emit(finished(outcome))
    assert shown == ["HALF A LINE OF FAILED\n"]
    (log,) = (tmp_path / "logs").iterdir()
    assert (log.name, log.read_text()) == ("image-111111111111.log", "HALF A LINE OF FAILED\n")


def test_who_waits_is_said_in_few_words() -> None:
    assert who((API,)) == "//cmd/api"
    assert who((API, WORKER)) == "//cmd/api and 1 more"


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0B"),
        (999, "999B"),
        (1000, "1.0kB"),
        (12_345_678, "12.3MB"),
        (5_100_000_000_000, "5100.0GB"),
    ],
)
def test_sizes_are_decimal(count: int, shown: str) -> None:
    assert size(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0.0s"), (59.94, "59.9s"), (60, "1m00s"), (3599.6, "60m00s")]
)
def test_durations_are_short(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_columns_are_aligned_and_end_without_spaces() -> None:
    rows = [("a", "1", ""), ("bbb", "22", "x")]
    assert columns(rows, frozenset({1})) == ["a     1", "bbb  22  x"]
    assert columns([]) == []
