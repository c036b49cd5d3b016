"""What a container is started from, and the port of what starts containers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from buildsys.images.stored import StoredImage


@dataclass(frozen=True, slots=True)
class Mount:
    """A file or folder of this machine inside the container."""

    source: str
    target: str
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """One container on the host's network. `command` is complete, entrypoint and arguments."""

    name: str
    """Unique among the containers of a workspace: the target's name."""
    command: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    uid: int
    gid: int
    folder: str
    health: tuple[str, ...] = ()
    """The command that succeeds inside it when it is well; () if the image has none."""
    port: int | None = None
    volumes: tuple[str, ...] = ()
    """Folders in the image that outlive the container."""
    mounts: tuple[Mount, ...] = ()


class Container(Protocol):
    """A container that was started, here or by another process."""

    @property
    def name(self) -> str: ...

    def exit_code(self) -> int | None:
        """None while it runs."""

    def check(self, command: tuple[str, ...]) -> bool:
        """Whether `command` succeeds inside it."""

    def log_end(self, lines: int) -> str:
        """The last lines that it wrote."""

    def follow(self) -> Iterator[str]:
        """The lines that it writes, from the first to its end."""

    def stop(self) -> None:
        """SIGTERM, after a while SIGKILL; nothing of it is left but its volumes. Idempotent."""


class Runtime(Protocol):
    """Starts containers. Methods raise MachineError where the machine doesn't let them."""

    def start(self, spec: ContainerSpec, image: StoredImage) -> Container:
        """In the background, where it stays when this process ends."""

    def run(self, spec: ContainerSpec, image: StoredImage) -> int:
        """In the foreground, with this process's streams; returns the exit code."""

    def running(self) -> tuple[Container, ...]:
        """All containers of the workspace, whoever started them."""
