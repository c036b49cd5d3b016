"""What goes wrong: compile errors, killed builds, damaged stores, no engine, interruptions."""

import contextlib
import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.integration.conftest import wait_for
from tests.integration.real import Checkout


def record_count(checkout: Checkout) -> int:
    records = Path(checkout.environ()["BS_CACHE_DIR"]) / "store" / "records"
    return sum(1 for path in records.rglob("*") if path.is_file())


def test_a_compile_error_names_the_file_and_spares_the_siblings(checkout: Checkout) -> None:
    token = os.urandom(8).hex()
    broken = checkout.root / "cmd/fanout/main.go"
    broken.write_text(broken.read_text() + f"\nvar x{token} int = undefinedName\n")
    sibling = checkout.root / "cmd/http-worker/main.go"
    sibling.write_text(sibling.read_text() + f"// {token}\n")
    ran = checkout.bs("build", "all", "-k", "--json")
    assert ran.code == 1
    line = broken.read_text().count("\n")
    assert f"cmd/fanout/main.go:{line}:" in ran.err
    assert "undefined: undefinedName" in ran.err
    outcomes = {t["label"]: t["outcome"] for t in ran.json["targets"]}
    assert outcomes["//cmd/fanout"] == "failed"
    assert outcomes["//cmd/http-worker"] == "built"
    assert checkout.stale("all") == {("fanout", "image")}, "nothing is recorded for the failed one"


def test_a_rust_and_a_python_error_name_their_files(checkout: Checkout) -> None:
    rust = checkout.root / "cmd/aob-cli/src/main.rs"
    rust.write_text(rust.read_text() + "\nfn broken() -> u32 { undefined_name }\n")
    python = checkout.root / "cmd/agent-runner-py/agent_runner/text.py"
    python.write_text("def broken(:\n")
    ran = checkout.bs("build", "aob-cli", "agent-runner-py", "-k")
    assert ran.code == 1
    assert "cmd/aob-cli/src/main.rs:" in ran.err
    assert "cmd/agent-runner-py/agent_runner/text.py" in ran.err


def test_a_killed_build_loses_nothing_that_was_finished(private: Checkout) -> None:
    for service in ("orchestrator", "fanout", "http-worker", "hitl-worker"):
        main = private.root / f"cmd/{service}/main.go"
        main.write_text(main.read_text() + f"// {os.urandom(8).hex()}\n")
    before = record_count(private)
    running = private.start("build", "all", "-j", "1")
    wait_for(lambda: record_count(private) > before, seconds=300)
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()
    finished = record_count(private) - before
    left = private.stale("all")
    assert len(left) == 4 - finished
    assert private.built("all") == left
    assert private.stale("all") == set()
    scratch = Path(private.environ()["BS_CACHE_DIR"]) / "store" / "tmp"
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_stops_its_children_and_records_nothing(
    private: Checkout, number: signal.Signals
) -> None:
    main = private.root / "cmd/orchestrator/main.go"
    main.write_text(main.read_text() + f"// {os.urandom(8).hex()}\n")
    assert private.bs("engine", "start").code == 0
    before = record_count(private)
    running = private.start("build", "all")
    assert running.stderr is not None
    assert running.stderr.readline().startswith("start")
    time.sleep(0.3)
    running.send_signal(number)
    running.communicate(timeout=60)
    assert running.returncode == 130
    assert record_count(private) == before
    assert private.built("all") == {("orchestrator", "image")}


def test_a_build_stopped_while_buildkit_receives_a_layer_can_be_repeated(
    private: Checkout,
) -> None:
    main = private.root / "cmd/orchestrator/main.go"
    main.write_text(main.read_text() + f"// {os.urandom(8).hex()}\n")
    assert private.bs("engine", "start").code == 0
    state = Path(private.environ()["BS_CACHE_DIR"]) / "engine" / "root"
    running = private.start("build", "all")
    wait_for(lambda: half_received(state) or running.poll() is not None)
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=60)
    assert running.returncode == 130
    assert private.built("all") == {("orchestrator", "image")}


def half_received(state: Path) -> bool:
    """Whether a layer is on its way into BuildKit's content store, more than a message of it."""
    for file in state.glob("*/content/ingest/*/data"):
        with contextlib.suppress(FileNotFoundError):
            if file.stat().st_size > 3_000_000:
                return True
    return False


def image_blobs(checkout: Checkout, label: str) -> list[Path]:
    store = Path(checkout.environ()["BS_CACHE_DIR"]) / "store"
    status = checkout.bs("status", label, "--json").json
    digest = status["targets"][0]["layers"][-1]["digest"].removeprefix("sha256:")
    return [store / "blobs" / "sha256" / digest]


def test_a_deleted_blob_is_noticed_and_made_again(private: Checkout) -> None:
    blob = image_blobs(private, "//cmd/http-worker")[0]
    content = blob.read_bytes()
    blob.unlink()
    status = private.bs("status", "//cmd/http-worker", "--json").json["targets"][0]
    assert status["state"] == "missing"
    assert status["layers"][-1]["reasons"] == [{"code": "evicted"}]
    assert private.built("all") == {("http-worker", "image")}
    assert blob.read_bytes() == content


def test_a_corrupted_blob_is_noticed_and_made_again(private: Checkout) -> None:
    blob = image_blobs(private, "//cmd/agent-runner-py")[0]
    content = blob.read_bytes()
    stat = blob.stat()
    blob.unlink()
    blob.write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])
    os.utime(blob, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    ran = private.bs("build", "all", "--json")
    assert ran.code == 0
    assert "damaged" in ran.err
    assert ran.json["engine"]["solves"] == 1
    assert blob.read_bytes() == content


def test_no_buildkit_is_exit_36_and_says_what_to_do(checkout: Checkout) -> None:
    main = checkout.root / "cmd/orchestrator/main.go"
    main.write_text(main.read_text() + f"// {os.urandom(8).hex()}\n")
    ran = checkout.bs("build", "//cmd/orchestrator", BUILDKIT_HOST="unix:///nonexistent.sock")
    assert ran.code == 36
    assert "no BuildKit answers" in ran.err
    assert "BUILDKIT_HOST" in ran.err


def test_a_source_that_changes_while_it_is_built_is_planned_again(checkout: Checkout) -> None:
    """Edits at random moments: whatever is recorded as fresh at the end is what the files say."""
    source = checkout.root / "cmd/agent-runner-py/agent_runner/text.py"
    original = source.read_text()
    for number in range(6):
        source.write_text(f"{original}\nMARK = 1{number}0\n")
        running = checkout.start("build", "//cmd/agent-runner-py")
        time.sleep(0.15 + number * 0.1)
        source.write_text(f"{original}\nMARK = 1{number}1\n")
        _, said = running.communicate(timeout=300)
        assert running.returncode == 0, said
        checkout.build("//cmd/agent-runner-py")
        files = checkout.image_files("//cmd/agent-runner-py")
        built = files["src/cmd/agent-runner-py/agent_runner/text.py"][2].decode()
        assert built.endswith(f"MARK = 1{number}1\n")


def test_two_builds_at_once_build_once(checkout: Checkout) -> None:
    main = checkout.root / "cmd/orchestrator/main.go"
    main.write_text(main.read_text() + f"// {os.urandom(8).hex()}\n")
    first, second = (checkout.start("build", "//cmd/orchestrator", "--json") for _ in range(2))
    solves = 0
    for running in (first, second):
        out, err = running.communicate(timeout=300)
        assert running.returncode == 0, err
        solves += int(json.loads(out)["engine"]["solves"])
    assert solves == 1
