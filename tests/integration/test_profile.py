"""Profiles of real builds: what BuildKit did is in them, and where the time went can be read."""

import signal
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import wait_for
from tests.integration.real import Checkout
from tests.traces import events_of

MAIN = "cmd/fanout/main.go"


def edit(checkout: Checkout, text: str = "") -> None:
    """A new edit each time, as the store outlives a run of these tests."""
    checkout.edit(MAIN, "func main()", f"// {uuid.uuid4()}\n{text}\nfunc main()")


def spans(path: Path) -> list[dict[str, Any]]:
    return [event for event in events_of(path.read_text()) if event["ph"] == "X"]


def inside(span: dict[str, Any], other: dict[str, Any]) -> bool:
    begun, ended = other["ts"], other["ts"] + other["dur"]
    return bool(begun <= span["ts"] and span["ts"] + span["dur"] <= ended)


def one(found: list[dict[str, Any]], name: str) -> dict[str, Any]:
    (span,) = (span for span in found if span["name"] == name and span["cat"] != "wait")
    return span


def test_an_edit_is_found_in_the_trace_from_its_keys_to_its_record(
    checkout: Checkout, tmp_path: Path
) -> None:
    edit(checkout)
    path = tmp_path / "trace.json"
    assert checkout.built("fanout", "--profile", str(path)) == {("fanout", "image")}
    found = spans(path)
    phases = {span["name"] for span in found if span["cat"] == "phase"}
    assert phases >= {"start", "load", "analysis", "keys", "look up", "actions", "engine", "report"}
    image, solve = one(found, "image of //cmd/fanout"), one(found, "solve")
    assert image["cat"] == "action"
    assert image["args"]["outcome"] == "built"
    for name in ("lock", "seal", "solve", "adopt", "measure", "record"):
        ran = [span for span in found if span["name"] == name and span["tid"] == image["tid"]]
        assert ran, name
        assert all(inside(span, image) for span in ran)
    vertexes = [span for span in found if span["cat"] == "vertex"]
    assert all(inside(span, solve) for span in vertexes)
    (compiled,) = (span for span in vertexes if " RUN " in span["name"])
    assert "go build" in compiled["name"]
    exported = one(vertexes, "exporting to oci image format")
    parts = [s for s in found if s["cat"] == "part" and s["args"]["part_of"] == exported["name"]]
    assert "exporting layers" in {part["name"] for part in parts}
    assert all(inside(part, exported) for part in parts)

    said = checkout.bs("profile", str(path))
    assert said.code == 0, said.err
    assert "\nRUN " in said.out
    assert "\ncritical path: " in said.out
    document = checkout.bs("profile", str(path), "--json").json
    steps = {step["name"]: step for step in document["critical_path"]["steps"]}
    assert next(iter(steps)) == "start"
    assert steps["image of //cmd/fanout"]["phases"]["solve"] > 0
    assert 0 < document["critical_path"]["duration_s"] <= document["duration_s"]
    assert {kind["kind"] for kind in document["engine"]} >= {"RUN", "transfer", "export"}


def test_services_that_are_built_at_once_have_tracks_of_their_own(
    checkout: Checkout, tmp_path: Path
) -> None:
    edit(checkout)
    checkout.edit("cmd/http-worker/main.go", "func main()", f"// {uuid.uuid4()}\nfunc main()")
    path = tmp_path / "trace.json"
    checkout.build("fanout", "http-worker", "-j", "2", "--profile", str(path))
    found = spans(path)
    images = [span for span in found if span["cat"] == "action"]
    assert len({span["tid"] for span in images}) == 2
    tracks = {
        key: {
            (s["pid"], s["tid"]) for s in found if s["cat"] == "vertex" and s["args"]["key"] == key
        }
        for key in (span["args"]["key"] for span in images)
    }
    one_, other = tracks.values()
    assert one_
    assert other
    assert not one_ & other


def test_a_no_op_is_profiled_and_not_answered_from_memory(
    platform: Checkout, tmp_path: Path
) -> None:
    path = tmp_path / "trace.json"
    for _ in range(3):
        path.unlink(missing_ok=True)
        assert platform.build("all", "--profile", str(path))["engine"]["solves"] == 0
        assert not [span for span in spans(path) if span["cat"] != "phase"]
    assert "solves: 0.00s" in platform.bs("profile", str(path)).out


def test_a_failed_build_has_a_profile(checkout: Checkout, tmp_path: Path) -> None:
    edit(checkout, "var broken int = nothing")
    path = tmp_path / "trace.json"
    ran = checkout.bs("build", "fanout", "--profile", str(path))
    assert ran.code == 1
    assert one(spans(path), "image of //cmd/fanout")["args"]["outcome"] == "failed"
    assert "image of //cmd/fanout  failed" in checkout.bs("profile", str(path)).out


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_has_a_profile(
    checkout: Checkout, tmp_path: Path, sent: signal.Signals
) -> None:
    edit(checkout)
    path, happened = tmp_path / "trace.json", tmp_path / "events.jsonl"
    running = checkout.start("build", "fanout", "--profile", str(path), "--events", str(happened))
    wait_for(lambda: happened.exists() and "ActionVertex" in happened.read_text())
    running.send_signal(sent)
    running.communicate(timeout=60)
    assert running.returncode == 130
    found = spans(path)
    assert one(found, "image of //cmd/fanout")["args"]["outcome"] == "unknown"
    assert [span for span in found if span["cat"] == "vertex"]
    assert checkout.bs("profile", str(path)).code == 0


def test_tests_are_profiled_too(checkout: Checkout, tmp_path: Path) -> None:
    edit(checkout)
    path = tmp_path / "trace.json"
    ran = checkout.bs("test", "fanout", "--profile", str(path))
    assert ran.code == 0, ran.err
    found = spans(path)
    assert one(found, "judge")["cat"] == "phase"
    assert any(" RUN " in span["name"] for span in found if span["cat"] == "vertex")
