"""Finding the engine: named addresses, then a running Docker, then a private buildkitd."""

import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from buildsys.engine.address import Engine
from buildsys.engine.daemon import Daemon
from buildsys.engine.docker_engine import docker_address
from buildsys.errors import MachineError
from buildsys.tracing import UNTRACED, Tracer

_ANSWER_S = 20.0


@dataclass(slots=True)
class EngineLocator:
    """The port `EngineSource`. `addresses` are BUILDKIT_HOST's or the workspace's, best first."""

    addresses: tuple[str, ...]
    daemon: Daemon
    environment: Mapping[str, str]
    note: Callable[[str], None]
    tracer: Tracer = UNTRACED
    _found: Engine | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def engine(self) -> Engine:
        with self.tracer.span("engine"), self._lock:
            if self._found is None:
                self._found = self._locate()
            return self._found

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Keeps a private engine from being stopped as idle while a build runs."""
        with self.daemon.in_use():
            yield

    def _locate(self) -> Engine:
        buildctl = self.daemon.toolbox.provide("buildctl")
        if self.addresses:
            return self._named(buildctl)
        in_docker = docker_address(dict(self.environment), self.note)
        if in_docker is not None and answers(buildctl, in_docker) is None:
            return Engine(in_docker, buildctl, "docker")
        self.daemon.start()
        return Engine(self.daemon.address, buildctl, "private")

    def _named(self, buildctl: str) -> Engine:
        said = ""
        for address in self.addresses:
            problem = answers(buildctl, address)
            if problem is None:
                return Engine(address, buildctl, "named")
            said = f"{address}: {problem}"
        raise MachineError(
            f"no BuildKit answers ({said})",
            hint="start it, or unset BUILDKIT_HOST so that bs finds or starts one itself",
        )


def answers(buildctl: str, address: str) -> str | None:
    """None if a BuildKit answers there, else what is wrong."""
    try:
        subprocess.run(
            [buildctl, "--addr", address, "--timeout", "5", "debug", "workers"],
            check=True,
            capture_output=True,
            text=True,
            timeout=_ANSWER_S,
        )
    except subprocess.CalledProcessError as error:
        return str(error.stderr).strip().removeprefix("error: ") or "no answer"
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None
