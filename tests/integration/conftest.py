"""Fixtures of the integration tests: one warm store for all, checkouts to edit, a Docker daemon."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from buildsys.machine import cache_folder
from tests.integration.real import Checkout, clone_store, copy_platform, process

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.integration)
            item.add_marker(pytest.mark.timeout(1800))


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The seven services, built, in the user's store. Not to be edited."""
    checkout = Checkout(copy_platform(tmp_path_factory.mktemp("platform") / "checkout"))
    checkout.build("all")
    if checkout.stale("all"):
        # A store that outlives these tests may have the images and lack accelerators, which are made
        # only together with an image.
        main = checkout.root / "cmd/fanout/main.go"
        original = main.read_text()
        main.write_text(f"{original}// {os.urandom(8).hex()}\n")
        checkout.build("all")
        main.write_text(original)
    return checkout


@pytest.fixture
def checkout(platform: Checkout, tmp_path: Path) -> Checkout:
    """A checkout of the seven services to edit, with the store where all of them are."""
    assert platform.root.is_dir()
    return Checkout(copy_platform(tmp_path / "checkout"))


@pytest.fixture
def private(platform: Checkout, tmp_path: Path) -> Iterator[Checkout]:
    """A checkout with a store and an engine of its own: both may be damaged."""
    assert platform.root.is_dir()
    warm = Path(cache_folder(os.environ))
    cache = tmp_path / "cache"
    clone_store(warm / "store", cache / "store")
    share_binaries(warm, cache)
    found = Checkout(copy_platform(tmp_path / "checkout"), {"BS_CACHE_DIR": str(cache)})
    yield found
    found.bs("engine", "stop")
    shutil.rmtree(cache, ignore_errors=True)


def share_binaries(warm: Path, cache: Path) -> None:
    binaries = warm / "engine" / "bin"
    if binaries.is_dir():
        (cache / "engine").mkdir(parents=True, exist_ok=True)
        (cache / "engine" / "bin").symlink_to(binaries)


def wait_for(ready: Callable[[], bool], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, "it didn't come up"
        time.sleep(0.02)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def docker_host() -> Iterator[str]:
    """A real dockerd with state of its own, at the address that is returned."""
    folder = Path(tempfile.mkdtemp(prefix="bs-docker-"))
    address = f"unix://{folder}/docker.sock"
    command = [
        "dockerd", "--host", address, "--data-root", str(folder / "data"), "--exec-root",
        str(folder / "exec"), "--pidfile", str(folder / "pid"), "--bridge=none", "--iptables=false",
        "--storage-driver=overlay2",
    ]  # fmt: skip
    with (folder / "log").open("wb") as log, process(command, stdout=log, stderr=log):
        wait_for(lambda: docker(address, "version").returncode == 0)
        yield address
    # dockerd leaves its network namespace mounted, and what is mounted can't be removed.
    subprocess.run(["umount", str(folder / "exec/netns/default")], check=False, capture_output=True)
    shutil.rmtree(folder, ignore_errors=True)


def docker(address: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", "--host", address, *arguments], capture_output=True, text=True, check=False
    )
