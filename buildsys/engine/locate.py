"""Finding engines: those that are named, else one in a running Docker, else a private buildkitd."""

import re
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from buildsys.engine.address import NAMED, Engine
from buildsys.engine.daemon import Daemon
from buildsys.engine.docker_engine import docker_address
from buildsys.engine.named import security, solves_at_once
from buildsys.errors import MachineError
from buildsys.model.target import EngineSettings
from buildsys.tracing import UNTRACED, Tracer

ANSWER_S = 10.0
"""An engine that takes longer to say what workers it has is none that can be worked with."""
_WRAPPING = re.compile(
    r"^error: |failed to list workers: |Unavailable: |(transport|connection error): |desc = |\""
    r"|error reading server preface: |authentication handshake failed: |Error while dialing: "
)
_AGAIN = 3
_CLOSED = "it closes the connection at once, as one does that wants TLS, or another certificate"
_MEANINGS = {
    "tls: certificate required": "it takes none of our client certificates",
    "tls: bad certificate": "it doesn't take our client certificate",
    "tls: unknown certificate authority": "it doesn't take our client certificate",
    "failed to verify certificate": "its certificate isn't one that we trust",
    "first record does not look like a TLS handshake": "it speaks no TLS",
    "server preface: EOF": _CLOSED,
    "server preface: connection reset": _CLOSED,
    "write: broken pipe": _CLOSED,
}
"""What gRPC says of connections → what it means."""


@dataclass(slots=True)
class EngineLocator:
    """The port `EngineSource`. The addresses in `named` are BS_ENGINES', BUILDKIT_HOST's or the workspace's."""

    named: EngineSettings
    daemon: Daemon
    environment: Mapping[str, str]
    note: Callable[[str], None]
    tracer: Tracer = UNTRACED
    _found: Engine | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def room(self) -> int:
        """How many solves the named engines take at a time together; 0 if nothing limits them."""
        return len(self.named.addresses) * (solves_at_once(self.named) or 0)

    def engines(self) -> tuple[Engine, ...]:
        if not self.named.addresses:
            return (self.engine(),)
        buildctl = self.daemon.toolbox.provide("buildctl")
        return tuple(
            Engine(address, buildctl, NAMED, security(self.named, address))
            for address in self.named.addresses
        )

    def engine(self) -> Engine:
        """One that answers.

        Raises:
            MachineError: there is none; the hint says what to do.
        """
        with self.tracer.span("engine"), self._lock:
            if self._found is None:
                self._found = self._locate()
            return self._found

    def problems(self) -> dict[str, str]:
        """What is wrong with each engine, by address; "" for those that answer. All are asked at once."""
        engines = self.engines()
        with ThreadPoolExecutor(len(engines)) as pool:
            found = pool.map(self.problem, engines)
            return {engine.address: said for engine, said in zip(engines, found, strict=True)}

    def problem(self, engine: Engine) -> str:
        # What was found here was seen to answer, or is started by bs itself.
        if engine.kind != NAMED:
            return ""
        with self.tracer.span("engine"):
            return answers(engine)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Keeps a private engine from being stopped as idle while a build runs."""
        with self.daemon.in_use():
            yield

    def _locate(self) -> Engine:
        if self.named.addresses:
            return self._first()
        buildctl = self.daemon.toolbox.provide("buildctl")
        in_docker = docker_address(dict(self.environment), self.note)
        if in_docker is not None:
            engine = Engine(in_docker, buildctl, "docker")
            if not answers(engine):
                return engine
        self.daemon.start()
        return Engine(self.daemon.address, buildctl, "private")

    def _first(self) -> Engine:
        problems: dict[str, str] = {}
        for engine in self.engines():
            problems[engine.address] = answers(engine)
            if not problems[engine.address]:
                return engine
        raise none_answers(problems)


def none_answers(problems: Mapping[str, str]) -> MachineError:
    """`problems` has, for the address of each engine that was tried, why it failed."""
    said = "".join(f"\n    {address}: {problem}" for address, problem in problems.items())
    return MachineError(
        f"no BuildKit answers:{said}",
        hint="mend one of them (`bs doctor` asks them again), or name none (BS_ENGINES, BUILDKIT_HOST,"
        " `engine`), so that bs finds or starts one itself",
    )


def answers(engine: Engine, within_s: float = ANSWER_S) -> str:
    """What is wrong with an engine; "" if a BuildKit answers there.

    An engine that refuses a certificate says so and closes the connection, and what we see of it may be
    either: for a connection by TLS it is worth asking again.
    """
    problem = _ask(engine, within_s)
    for _ in range(_AGAIN if engine.security else 0):
        if _CLOSED not in problem:
            break
        problem = _ask(engine, within_s)
    return problem


def _ask(engine: Engine, within_s: float) -> str:
    command = [engine.buildctl, "--timeout", "5", *engine.command[1:], "debug", "workers"]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=within_s)
    except subprocess.CalledProcessError as error:
        return explained(str(error.stderr).strip()) or "no answer"
    except subprocess.TimeoutExpired:
        return f"no answer within {within_s:g} s"
    except OSError as error:
        return str(error)
    return ""


def explained(said: str) -> str:
    """What buildctl says of a connection, without what gRPC wraps around it."""
    plain = _WRAPPING.sub("", said)
    meaning = next((text for sign, text in _MEANINGS.items() if sign in said), "")
    return f"{meaning} ({plain})" if meaning else plain
