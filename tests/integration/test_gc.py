"""`bs gc` on real stores, beside builds that run, and what it leaves for the next one."""

import json
import os
from pathlib import Path

from tests.integration.conftest import wait_for
from tests.integration.real import Checkout, copy_platform

EVERYTHING = ("--max-size", "1B", "--max-age", "1h")


def store(checkout: Checkout) -> Path:
    return Path(checkout.environ()["BS_CACHE_DIR"]) / "store"


def change(checkout: Checkout, path: str) -> None:
    with (checkout.root / path).open("a") as file:
        file.write(f"{'#' if path.endswith('.py') else '//'} {os.urandom(8).hex()}\n")


def test_what_the_last_build_needs_stays_and_the_rest_goes(private: Checkout) -> None:
    private.build("all")
    before = private.bs("gc", "--dry-run", "--json", *EVERYTHING).json
    assert before["removed"]["records"] > 0, "the store outlives many builds"
    assert before["kept"]["workspaces"] == [str(private.root)]
    ran = private.bs("gc", "--json", *EVERYTHING)
    assert ran.code == 0, ran.err
    assert ran.json["freed_bytes"] == before["freed_bytes"] > 0
    files = (path for path in store(private).rglob("*") if path.is_file())
    left = sum(path.stat().st_size for path in files if path.name != "verified")
    assert left == ran.json["after_bytes"]
    assert private.stale("all") == set()
    assert private.build("all")["engine"]["solves"] == 0
    # The layers below are all there too: a changed line takes one solve, on an engine that has never seen them.
    change(private, "cmd/agent-runner-py/agent_runner/text.py")
    assert private.built("all") == {("agent-runner-py", "image")}
    assert private.bs("gc", "--json", *EVERYTHING).json["removed"]["records"] == 1
    assert private.stale("all") == set()
    assert private.bs("clean").code == 0
    gone = private.bs("gc", "--json", "--no-keep-last-builds", "--max-size", "1B").json
    assert gone["after_bytes"] < 1_000_000
    assert len(private.stale("all")) > 7


def test_a_build_that_runs_loses_nothing(private: Checkout, tmp_path: Path) -> None:
    """The build takes a layer that no last build needs, while another process removes all of those."""
    private.build("all")
    assert private.bs("engine", "start").code == 0
    other = Checkout(copy_platform(tmp_path / "other"), private.environment)
    change(other, "cmd/agent-runner-py/agent_runner/text.py")
    change(other, "cmd/fanout/main.go")
    running = other.start("build", "all", "--json")
    assert running.stderr is not None
    assert running.stderr.readline().startswith("start")
    ran = other.bs("gc", "--json", "--no-keep-last-builds", *EVERYTHING)
    out, err = running.communicate(timeout=300)
    assert running.returncode == 0, err
    assert {layer["outcome"] for one in json.loads(out)["targets"] for layer in one["layers"]} == {
        "fresh",
        "built",
    }
    assert ran.code == 0, ran.err
    assert "waiting for builds" in ran.err, "it ran beside the build"
    assert not list((store(private) / "records").rglob("*.tmp-*"))


def test_whoever_does_not_want_to_wait_is_told(private: Checkout) -> None:
    change(private, "cmd/fanout/main.go")
    running = private.start("build", "fanout")
    wait_for(lambda: (store(private).parent / "store.lock").exists() or running.poll() is not None)
    assert running.stderr is not None
    assert running.stderr.readline().startswith("start")
    ran = private.bs("gc", "--wait", "0", *EVERYTHING)
    assert (ran.code, "nothing was removed" in ran.err) == (36, True)
    running.communicate(timeout=300)
    assert running.returncode == 0


def test_builds_go_on_while_another_process_collects_all_the_time(private: Checkout) -> None:
    private.build("all")
    path = "cmd/agent-runner-py/agent_runner/text.py"
    original = (private.root / path).read_text()
    for number in range(4):
        # There and back: what was built before is gone, or isn't, and both are right.
        (private.root / path).write_text(f"{original}# {number % 3}\n")
        collecting = private.start("gc", "--json", *EVERYTHING)
        assert private.build("agent-runner-py")["engine"]["solves"] <= 1
        out, err = collecting.communicate(timeout=120)
        assert collecting.returncode == 0, err
        assert json.loads(out)["kept"]["records"] > 7
    assert private.stale("all") == set()
