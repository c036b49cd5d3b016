"""Several containers at once: started, awaited until they are well, followed, stopped."""

import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from buildsys.containers.container import Container, ContainerSpec, Runtime
from buildsys.errors import CheckFailed, MachineError
from buildsys.images.stored import StoredImage

_LOG_LINES = 20
_POLL_S = 0.1


@dataclass(slots=True)
class Platform:
    """The containers of one `bs up`; `say` and `on_start` are told what happens to each."""

    runtime: Runtime
    say: Callable[[str], None]
    on_start: Callable[[Container], None]
    started: list[tuple[ContainerSpec, Container]] = field(default_factory=list)

    def start(self, images: Sequence[tuple[ContainerSpec, StoredImage]], timeout_s: float) -> None:
        """Start all, in the place of those of the same names, and wait until each is well.

        Raises:
            MachineError: a port is taken, or the runtime refuses.
            CheckFailed: one ended, or didn't get well in time; its last log lines are in the message.
        """
        names = {spec.name for spec, _ in images}
        stop_all([c for c in self.runtime.running() if c.name in names])
        for spec, _ in images:
            _check_port(spec)
        for spec, image in images:
            container = self.runtime.start(spec, image)
            self.started.append((spec, container))
            self.on_start(container)
            self.say(f"started   {spec.name}{_place(spec)}")
        self._await(timeout_s)

    def stop(self) -> None:
        stop_all([container for _, container in self.started])

    def watch(self) -> None:
        """Returns only by an exception.

        Raises:
            CheckFailed: a container ended by itself.
        """
        while True:
            for spec, container in self.started:
                _refuse_ended(spec, container)
            time.sleep(_POLL_S)

    def _await(self, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        waiting = list(self.started)
        while waiting:
            for spec, container in list(waiting):
                _refuse_ended(spec, container)
                if not spec.health or container.check(spec.health):
                    waiting.remove((spec, container))
                    self.say(f"{'healthy' if spec.health else 'running':9} {spec.name}")
                elif time.monotonic() > deadline:
                    raise CheckFailed(
                        f"`{spec.name}` isn't healthy after {timeout_s:g} s:"
                        f" `{' '.join(spec.health)}` fails in it\n{container.log_end(_LOG_LINES)}"
                    )
            time.sleep(_POLL_S)


def stop_all(containers: Sequence[Container]) -> None:
    """Stop containers, all at once: each may take its time."""
    if containers:
        with ThreadPoolExecutor(len(containers)) as pool:
            list(pool.map(lambda container: container.stop(), containers))


def _refuse_ended(spec: ContainerSpec, container: Container) -> None:
    code = container.exit_code()
    if code is not None:
        end = container.log_end(_LOG_LINES)
        raise CheckFailed(f"`{spec.name}` ended with exit code {code}\n{end}")


def _check_port(spec: ContainerSpec) -> None:
    if spec.port is None:
        return
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", spec.port)) == 0:
            raise MachineError(
                f"port {spec.port}, where `{spec.name}` is to listen, is in use",
                hint="stop what listens there, or give the target another `run_port`",
            )


def _place(spec: ContainerSpec) -> str:
    return f" on http://127.0.0.1:{spec.port}" if spec.port else ""
