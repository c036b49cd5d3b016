"""Other people's repositories: a module per service, go.work, local replace, vendor, Cargo workspaces."""

import shutil
from pathlib import Path

import pytest

from tests.integration.conftest import docker
from tests.integration.real import REPOSITORY, Checkout

WORKSPACES = REPOSITORY / "tests" / "workspaces"


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
        done = docker(docker_host, "run", "--rm", "--network=none", f"{image}:latest")
        assert done.returncode == 0, done.stderr
        assert (done.stdout + done.stderr).strip()
