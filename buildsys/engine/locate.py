"""Finding engines: those that are named, else one in a running Docker, else a private buildkitd."""

import re
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from buildsys.engine.address import NAMED, Engine
from buildsys.engine.asking import answers, none_answers
from buildsys.engine.daemon import Daemon
from buildsys.engine.docker_engine import docker_address
from buildsys.engine.named import security, solves_at_once
from buildsys.engine.provision import BUILDKIT
from buildsys.model.target import EngineSettings
from buildsys.tracing import UNTRACED, Tracer

_ANSWER_S = 20.0
_UNNAMED = "v0.0.0+unknown"
"""What a BuildKit says that was built from its module, as ours are."""


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

    def version(self) -> str:
        """The version of BuildKit, "" if it doesn't tell."""
        engine = self.engine()
        try:
            said = subprocess.run(
                [*engine.command, "debug", "info"],
                check=True,
                capture_output=True,
                text=True,
                timeout=_ANSWER_S,
            ).stdout
        except (OSError, subprocess.SubprocessError):
            return ""
        found = re.search(r"\bv\d+\.\d+\.\d+\S*", said)
        own = engine.kind == "private" and (found is None or found[0] == _UNNAMED)
        return BUILDKIT if own else found[0] if found else ""

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
