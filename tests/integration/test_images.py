"""The seven images, loaded into a real Docker and run."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from buildsys.model.action import CONSTANT_TIME
from tests.integration.conftest import docker, wait_for
from tests.integration.real import Checkout

BUDGETS = {
    "orchestrator": 10, "workflow-runner": 10, "http-worker": 7, "hitl-worker": 7, "fanout": 10,
    "agent-runner-py": 75, "aob-cli": 5,
}  # fmt: skip
"""Megabytes: about half of what the optimisation document's table allows."""
STATIC = {
    name: f"usr/local/bin/{name}" for name in BUDGETS if name not in {"agent-runner-py", "aob-cli"}
}
STATIC["aob-cli"] = "usr/local/bin/aob"


@pytest.fixture(scope="module")
def loaded(platform: Checkout, docker_host: str) -> str:
    ran = platform.bs("load", "all", DOCKER_HOST=docker_host)
    assert ran.code == 0, ran.err
    return docker_host


@pytest.mark.parametrize("name", sorted(set(BUDGETS) - {"aob-cli"}))
def test_the_image_runs_as_user_1000_and_gets_healthy(loaded: str, name: str) -> None:
    started = docker(
        loaded, "run", "-d", "--network=host", "--name", name, "--health-interval=1s",
        f"{name}:latest",
    )  # fmt: skip
    assert started.returncode == 0, started.stderr
    try:
        wait_for(
            lambda: inspect(loaded, name)["State"].get("Health", {}).get("Status") == "healthy"
        )
        status = Path(f"/proc/{inspect(loaded, name)['State']['Pid']}/status").read_text()
        assert {"Uid:\t" + "\t".join(["1000"] * 4), "Gid:\t" + "\t".join(["1000"] * 4)} <= set(
            status.splitlines()
        )
        assert docker(loaded, "stop", "--time", "20", name).returncode == 0
        assert inspect(loaded, name)["State"]["ExitCode"] == 0, "SIGTERM ends it in order"
    finally:
        docker(loaded, "rm", "-f", name)


def test_the_health_check_of_a_command_line_is_a_call_of_it(loaded: str) -> None:
    kind, *command = inspect(loaded, "aob-cli:latest")["Config"]["Healthcheck"]["Test"]
    assert kind == "CMD"
    ran = docker(loaded, "run", "--rm", "--entrypoint", command[0], "aob-cli:latest", *command[1:])
    assert ran.returncode == 0, ran.stderr


def inspect(host: str, name: str) -> Any:
    return json.loads(docker(host, "inspect", name).stdout)[0]


def test_sizes_are_those_that_docker_counts_and_within_the_budget(
    platform: Checkout, loaded: str
) -> None:
    total = 0
    for name, megabytes in BUDGETS.items():
        said = platform.bs("image", f"//cmd/{name}", "--json").json["size_bytes"]
        counted = json.loads(docker(loaded, "image", "inspect", f"{name}:latest").stdout)[0]["Size"]
        assert abs(said - counted) <= counted / 50
        assert said <= megabytes * 1_000_000
        total += said
    assert total <= 110_000_000


@pytest.mark.parametrize("name", sorted(STATIC))
def test_binaries_are_static_and_stripped(platform: Checkout, name: str) -> None:
    binary = platform.image_files(f"//cmd/{name}")[STATIC[name]][2]
    assert binary[:4] == b"\x7fELF"
    assert 3 not in program_header_types(binary), "no interpreter: statically linked"
    assert b".symtab\0" not in binary
    assert b"/src/cmd/" not in binary, "no paths of the build"


def program_header_types(elf: bytes) -> list[int]:
    (offset,) = struct.unpack_from("<Q", elf, 32)
    size, count = struct.unpack_from("<HH", elf, 54)
    return [struct.unpack_from("<I", elf, offset + number * size)[0] for number in range(count)]


@pytest.mark.parametrize("name", sorted(BUDGETS))
def test_images_are_configured_as_declared(platform: Checkout, name: str) -> None:
    config = platform.image_config(f"//cmd/{name}")["config"]
    assert config["User"] == "1000:1000"
    assert config["Healthcheck"]["Test"][0] == "CMD"
    assert config["Entrypoint"]
    if name != "aob-cli":
        assert config["ExposedPorts"] == {"8081/tcp": {}}


def test_images_have_no_build_tools(platform: Checkout) -> None:
    for name in BUDGETS:
        files = platform.image_files(f"//cmd/{name}")
        names = {path.rpartition("/")[2] for path in files}
        assert not names & {"go", "gcc", "cargo", "rustc", "pip", "pip3"}
        assert not any(path.startswith(("go/", "cargo/", "root/.cache")) for path in files)


@pytest.mark.parametrize("name", sorted(BUDGETS))
def test_everything_on_the_base_has_the_constant_time(platform: Checkout, name: str) -> None:
    times = platform.image_times(f"//cmd/{name}")
    assert set(times.values()) == {CONSTANT_TIME}, times
