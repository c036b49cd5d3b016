"""The platform from its images: a workflow of all kinds of steps, by runc, crun and Docker."""

import json
import os
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import free_port, listens, wait_for
from tests.integration.real import REPOSITORY, Checkout, copy_platform

SERVICES = (
    "agent-runner-py",
    "fanout",
    "hitl-worker",
    "http-worker",
    "orchestrator",
    "workflow-runner",
)


@pytest.fixture(params=["runc", "crun", "docker"])
def services(
    request: pytest.FixtureRequest, platform: Checkout, tmp_path: Path
) -> Iterator[Checkout]:
    """A checkout whose services listen on free ports; what runs of it in the end is stopped."""
    assert platform.root.is_dir()
    root = copy_platform(tmp_path / "checkout")
    environment = {"BS_RUNTIME": request.param}
    if request.param == "crun":
        environment["PATH"] = f"{_crun_folder(tmp_path)}:{os.environ['PATH']}"
    if request.param == "docker":
        environment["DOCKER_HOST"] = request.getfixturevalue("docker_host")
    _move_ports(root)
    checkout = Checkout(root, environment)
    yield checkout
    assert checkout.bs("down").code == 0


def _crun_folder(folder: Path) -> Path:
    """A folder with a crun that sees no cgroups: it refuses machines that mount both versions of them."""
    crun = folder / "bin/crun"
    crun.parent.mkdir()
    alone = f'mount -t tmpfs none /sys/fs/cgroup && exec {shutil.which("crun")} "$@"'
    crun.write_text(f"#!/bin/sh\nexec unshare --mount sh -c '{alone}' crun \"$@\"\n")
    crun.chmod(0o755)
    return crun.parent


def _move_ports(root: Path) -> None:
    files = sorted(root.glob("cmd/*/BUILD.yaml"))
    used = {port for file in files for port in re.findall(r"run_port: (\d+)", file.read_text())}
    free = {port: str(free_port()) for port in used}
    for file in files:
        moved = re.sub(
            r"(run_port: |127\.0\.0\.1:)(\d+)",
            lambda found: found[1] + free[found[2]],
            file.read_text(),
        )
        file.write_text(moved)


def port_of(checkout: Checkout, service: str) -> int:
    text = (checkout.root / "cmd" / service / "BUILD.yaml").read_text()
    return int(re.findall(r"run_port: (\d+)", text)[0])


def aob(checkout: Checkout, *arguments: str) -> str:
    examples = f"{REPOSITORY / 'examples'}:/examples:ro"
    ran = checkout.bs("run", "aob-cli", "-v", examples, "--", *arguments)
    assert ran.code == 0, ran.err + ran.out
    return ran.out


def test_a_workflow_survives_a_restart_of_the_orchestrator(services: Checkout) -> None:
    up = services.bs("up", "-d")
    assert up.code == 0, up.err
    assert set(re.findall(r"healthy +(\S+)", up.err)) == set(SERVICES)
    ports = {name: port_of(services, name) for name in SERVICES}
    workers = [
        f"http://127.0.0.1:{ports[name]}" for name in ("hitl-worker", "http-worker", "fanout")
    ]
    workflow = (REPOSITORY / "examples/workflows/release-notes.yaml").read_text()
    workflow = re.sub(
        r"(orchestrator: ).*", rf"\1http://127.0.0.1:{ports['orchestrator']}", workflow
    )
    workflow = re.sub(r"(workers: ).*", lambda found: found[1] + str(workers), workflow, count=1)
    (services.root / "workflow.yaml").write_text(workflow)
    mount = f"{services.root / 'workflow.yaml'}:/workflow.yaml:ro"
    ran = services.bs("run", "aob-cli", "-v", mount, "--", "run", "/workflow.yaml", "--detach")
    assert ran.code == 0, ran.err
    run = re.findall(r"r_[0-9a-z]+", ran.out)[0]
    wait_for(lambda: "sign-off  waiting" in aob(services, "show", run))

    restarted = services.bs("up", "-d", "orchestrator")
    assert restarted.code == 0, restarted.err
    assert "sign-off  waiting" in aob(services, "show", run)

    aob(services, "approve", run, "sign-off", "--by", "ada")
    output = json.loads(aob(services, "follow", run))
    assert (output["approved_by"], output["workers"]) == ("ada", 3)
    assert output["text"]

    down = services.bs("down")
    assert set(re.findall(r"stopped +(\S+)", down.out)) == set(SERVICES)
    assert not any(map(listens, ports.values()))


def test_the_end_of_up_is_the_end_of_its_containers(services: Checkout) -> None:
    port = port_of(services, "http-worker")
    running = services.start("up", "http-worker")
    assert running.stderr is not None
    wait_for(lambda: "healthy" in running.stderr.readline())  # type: ignore[union-attr]
    assert listens(port)
    running.terminate()
    out, _ = running.communicate(timeout=60)
    assert running.returncode == 130
    assert not listens(port)
    assert "http-worker | {" in out, "the log lines, with the name of who wrote them"


def test_a_port_in_use_is_said_before_anything_starts(services: Checkout) -> None:
    port = port_of(services, "http-worker")
    with socket.create_server(("127.0.0.1", port)):
        ran = services.bs("up", "-d", "http-worker")
    assert ran.code == 36
    assert f"port {port}, where `http-worker` is to listen, is in use" in ran.err
    assert services.bs("down").out == ""


def test_a_container_that_ends_at_once_is_an_error_with_its_last_words(services: Checkout) -> None:
    ran = services.bs("up", "-d", "http-worker", "-e", "PORT=no-number")
    assert ran.code == 3
    assert re.search(r"`http-worker` ended with exit code [1-9]", ran.err)
    assert "no-number" in ran.err
    assert services.bs("down").out == ""


def test_a_container_that_gets_not_healthy_is_an_error_with_its_log(services: Checkout) -> None:
    services.edit("cmd/http-worker/BUILD.yaml", "[http-worker, health]", "[http-worker, unwell]")
    ran = services.bs("up", "-d", "http-worker", "--timeout", "2")
    assert ran.code == 3
    assert "`http-worker` isn't healthy after 2 s" in ran.err
    assert '"service":"http-worker"' in ran.err, "its log"
    assert services.bs("down").out == ""


def test_run_gives_the_exit_code_and_the_arguments(services: Checkout) -> None:
    ran = services.bs("run", "aob-cli", "--", "--version")
    assert (ran.code, ran.out.split()[0]) == (0, "aob")
    refused = services.bs("run", "aob-cli", "--", "no-such-command")
    assert refused.code == 2
    unreachable = services.bs("run", "aob-cli", "--", "list")
    assert unreachable.code == 3
