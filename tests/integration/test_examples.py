"""Other people's repositories: a module per service, go.work, local replace, vendor, Cargo workspaces."""

import shutil
import time
from pathlib import Path

import pytest

from tests.integration.conftest import docker
from tests.integration.real import REPOSITORY, Checkout

WORKSPACES = REPOSITORY / "tests" / "workspaces"
SERVING_S = 2.0


@pytest.mark.parametrize("name", sorted(path.name for path in WORKSPACES.iterdir()))
def test_the_workspace_builds_and_its_images_run(
    name: str, tmp_path: Path, docker_host: str
) -> None:
    shutil.copytree(WORKSPACES / name, tmp_path / name)
    checkout = Checkout(tmp_path / name)
    report = checkout.build("all")
    assert report["targets"]
    assert checkout.build("all")["engine"]["solves"] == 0
    ran = checkout.bs("load", "all", DOCKER_HOST=docker_host)
    assert ran.code == 0, ran.err
    for target in report["targets"]:
        image = target["label"].rpartition(":")[2].rpartition("/")[2]
        runs(docker_host, f"{image}:latest")


def runs(docker_host: str, image: str) -> None:
    """The program either says something and ends well, or goes on serving."""
    started = docker(docker_host, "run", "-d", "--network=none", image)
    assert started.returncode == 0, started.stderr
    container = started.stdout.strip()
    try:
        state, since = "", time.monotonic()
        while state != "exited" and time.monotonic() < since + SERVING_S:
            time.sleep(0.1)
            state = docker(
                docker_host, "inspect", "-f", "{{.State.Status}}", container
            ).stdout.strip()
        code = docker(docker_host, "inspect", "-f", "{{.State.ExitCode}}", container).stdout.strip()
        assert (state, code) in {("exited", "0"), ("running", "0")}
        assert state == "running" or docker(docker_host, "logs", container).stdout.strip()
    finally:
        docker(docker_host, "rm", "-f", container)
