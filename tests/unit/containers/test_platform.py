"""Starting, awaiting and stopping many containers, without any."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from buildsys.containers.container import ContainerSpec
from buildsys.containers.platform import Platform
from buildsys.containers.runtime import find_runtime
from buildsys.errors import CheckFailed, MachineError, UsageError
from buildsys.images.stored import StoredImage
from buildsys.model.action import ActionResult
from buildsys.model.digest import ImageDigest
from buildsys.store.blobs import Blobs


@dataclass
class FakeContainer:
    """Healthy after some checks, ended with a code if it has one."""

    name: str
    checks: int = 0
    code: int | None = None
    stopped: bool = False

    def exit_code(self) -> int | None:
        return self.code

    def check(self, _command: tuple[str, ...]) -> bool:
        self.checks -= 1
        return self.checks < 0

    def log_end(self, _lines: int) -> str:
        return "last words"

    def follow(self) -> Iterator[str]:
        yield "line\n"

    def stop(self) -> None:
        self.stopped = True


@dataclass
class FakeRuntime:
    """Starts what it is told to have."""

    containers: dict[str, FakeContainer]
    before: tuple[FakeContainer, ...] = ()
    started: list[str] = field(default_factory=list)

    def start(self, spec: ContainerSpec, _image: StoredImage) -> FakeContainer:
        self.started.append(spec.name)
        return self.containers[spec.name]

    def run(self, _spec: ContainerSpec, _image: StoredImage) -> int:
        return 0

    def running(self) -> tuple[FakeContainer, ...]:
        return self.before


def spec(name: str, *, port: int | None = None) -> ContainerSpec:
    return ContainerSpec(name, ("/x",), (), 1, 1, "/", health=("ok",), port=port)


def platform(runtime: FakeRuntime, said: list[str]) -> Platform:
    return Platform(runtime, said.append, lambda _: None)


IMAGE = StoredImage(
    Blobs("/nowhere", print), ActionResult(ImageDigest("sha256:" + "0" * 64), (), 0, 0.0)
)


def test_all_are_started_and_awaited() -> None:
    runtime = FakeRuntime({"a": FakeContainer("a", checks=1), "b": FakeContainer("b")})
    said: list[str] = []
    platform(runtime, said).start([(spec("a"), IMAGE), (spec("b"), IMAGE)], 10)
    assert runtime.started == ["a", "b"]
    assert [line for line in said if "healthy" in line] == ["healthy   b", "healthy   a"]


def test_those_of_the_same_name_are_replaced_and_others_left() -> None:
    old, other = FakeContainer("a"), FakeContainer("z")
    runtime = FakeRuntime({"a": FakeContainer("a")}, (old, other))
    platform(runtime, []).start([(spec("a"), IMAGE)], 10)
    assert (old.stopped, other.stopped) == (True, False)


def test_one_that_ends_is_an_error_with_its_last_words() -> None:
    runtime = FakeRuntime({"a": FakeContainer("a", code=7)})
    with pytest.raises(CheckFailed, match="`a` ended with exit code 7\nlast words"):
        platform(runtime, []).start([(spec("a"), IMAGE)], 10)


def test_one_that_gets_not_healthy_is_an_error_with_its_last_words() -> None:
    runtime = FakeRuntime({"a": FakeContainer("a", checks=1000)})
    with pytest.raises(CheckFailed, match="`a` isn't healthy after 0 s: `ok` fails in it\nlast"):
        platform(runtime, []).start([(spec("a"), IMAGE)], 0)


def test_a_port_in_use_is_refused_before_anything_starts() -> None:
    runtime = FakeRuntime({"a": FakeContainer("a")})
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(MachineError, match=f"port {port}"):
            platform(runtime, []).start([(spec("a", port=port), IMAGE)], 10)
    assert runtime.started == []


def test_stopping_stops_all_that_were_started() -> None:
    containers = {"a": FakeContainer("a"), "b": FakeContainer("b")}
    runs = platform(FakeRuntime(containers), [])
    runs.start([(spec("a"), IMAGE), (spec("b"), IMAGE)], 10)
    runs.stop()
    assert all(container.stopped for container in containers.values())


def test_an_unknown_runtime_is_refused() -> None:
    with pytest.raises(UsageError, match="BS_RUNTIME is `podman`"):
        find_runtime({"BS_RUNTIME": "podman"}, "/cache", "/root")


def test_a_machine_without_any_runtime_is_told_what_to_install() -> None:
    with pytest.raises(MachineError) as raised:
        find_runtime({"BS_RUNTIME": "crun", "PATH": "/nowhere"}, "/cache", "/root")
    assert "runc" in raised.value.hint
