"""Containers by the Docker that runs here, through the docker SDK."""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from buildsys.containers.container import ContainerSpec
from buildsys.errors import MachineError
from buildsys.images.docker_load import load_into_docker
from buildsys.images.stored import StoredImage

if TYPE_CHECKING:
    from docker import DockerClient

GRACE_S = 15
_WORKSPACE = "bs.workspace"
_NAME = "bs.name"
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class DockerRuntime:
    """The port `Runtime`."""

    client: "DockerClient"
    workspace: str

    def start(self, spec: ContainerSpec, image: StoredImage) -> "DockerContainer":
        for container in self.running():
            if container.name == spec.name:
                container.stop()
        return DockerContainer(self._create(spec, image, spec.name), spec.name)

    def run(self, spec: ContainerSpec, image: StoredImage) -> int:
        started = DockerContainer(self._create(spec, image, ""), spec.name)
        try:
            # Not by attaching: to a container that has ended already, it never returns.
            with ThreadPoolExecutor(2) as pool:
                pool.submit(_copy, started.container, sys.stdout, stdout=True)
                pool.submit(_copy, started.container, sys.stderr, stdout=False)
            return _said(lambda: int(started.container.wait()["StatusCode"]))
        finally:
            started.stop()

    def running(self) -> tuple["DockerContainer", ...]:
        label = f"{_WORKSPACE}={self.workspace}"
        found = _said(lambda: self.client.containers.list(all=True, filters={"label": label}))
        named = sorted((str(c.labels.get(_NAME, "")), c) for c in found if c.labels.get(_NAME))
        return tuple(DockerContainer(container, name) for name, container in named)

    def _create(self, spec: ContainerSpec, image: StoredImage, name: str) -> Any:  # noqa: ANN401 - the SDK's stubs say no more
        _, tag = load_into_docker(image.blobs, image.result, spec.name)
        binds = [f"{m.source}:{m.target}:{'ro' if m.read_only else 'rw'}" for m in spec.mounts]
        volumes = [
            f"bs-{self.workspace}-{spec.name}{target.replace('/', '-')}:{target}"
            for target in spec.volumes
        ]
        return _said(
            lambda: self.client.containers.run(
                tag,
                entrypoint=[*spec.command],
                detach=True,
                name=f"bs-{self.workspace}-{name}" if name else None,
                labels={_WORKSPACE: self.workspace, _NAME: name},
                network_mode="host",
                environment=dict(spec.environment),
                healthcheck={"test": ["NONE"]},
                volumes=[*binds, *volumes],
            )
        )


@dataclass(frozen=True, slots=True)
class DockerContainer:
    """The port `Container`. Its health is asked by `bs`, on the port that it has here."""

    container: Any
    name: str

    def exit_code(self) -> int | None:
        _said(self.container.reload)
        state = self.container.attrs["State"]
        return None if state["Running"] else int(state["ExitCode"])

    def check(self, command: tuple[str, ...]) -> bool:
        # A container that ended meanwhile refuses: not well either.
        from docker.errors import DockerException  # noqa: PLC0415

        try:
            return bool(self.container.exec_run([*command]).exit_code == 0)
        except DockerException:
            return False

    def log_end(self, lines: int) -> str:
        return _said(lambda: _text(self.container.logs(tail=lines)).rstrip())

    def follow(self) -> Iterator[str]:
        kept = b""
        for chunk in self.container.logs(stream=True, follow=True):
            *lines, kept = (kept + chunk).split(b"\n")
            yield from (_text(line) + "\n" for line in lines)
        if kept:
            yield _text(kept) + "\n"

    def stop(self) -> None:
        _said(lambda: self.container.stop(timeout=GRACE_S))
        _said(lambda: self.container.remove(force=True))


def _copy(container: Any, into: TextIO, *, stdout: bool) -> None:  # noqa: ANN401 - see above
    for chunk in container.logs(stream=True, follow=True, stdout=stdout, stderr=not stdout):
        into.write(_text(chunk))
        into.flush()


def _text(content: bytes) -> str:
    return content.decode("utf-8", errors="replace")


def _said(call: Callable[[], R]) -> R:
    """What Docker answers.

    Raises:
        MachineError: it refuses.
    """
    from docker.errors import DockerException  # noqa: PLC0415

    try:
        return call()
    except (DockerException, OSError) as error:
        raise MachineError(f"Docker refuses: {error}", hint="bs doctor") from None
