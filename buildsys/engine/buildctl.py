"""One solve: buildctl, with a Dockerfile, named contexts by digest, and a private folder for the result."""

import contextlib
import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from buildsys.engine.address import Engine, EngineLost
from buildsys.engine.asking import ANSWER_S, answers, explained
from buildsys.engine.progress import SolveLog
from buildsys.engine.watch import QUIET_S, Watch
from buildsys.errors import BuildFailed, Interrupted, MachineError
from buildsys.events import Vertex
from buildsys.execution.ports import Progress, SolveRequest
from buildsys.model.action import CONSTANT_TIME
from buildsys.model.digest import ImageDigest, is_digest

_HALF_RECEIVED = "unsupported offset"
"""BuildKit keeps what it had received of a layer when a build is stopped, and tries to go on from there. It
can't with an OCI layout (util/contentutil/fetcher.go), and fails until that is collected as garbage."""
_PATIENCE_S = (0.0, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Waits before each further attempt: the garbage belongs to the stopped build until BuildKit has noticed."""

_UNREACHABLE = re.compile(r"(code = Unavailable desc = |\bUnavailable: )(?P<why>.*)", re.DOTALL)
"""What buildctl says last when its connection breaks, wherever the solve is: gRPC's own code, in one of two
spellings. 37 of 37 killed engines were reported so (docs/adr/018-many-engines.md)."""


@dataclass(slots=True)
class BuildctlSolver:
    """The port `EngineSolver`, by one buildctl process a solve."""

    ca_bundle: str
    """The host's certificates, given to steps as a secret; "" if there are none."""
    proxies: Mapping[str, str]
    """http_proxy and its kin: BuildKit's predefined arguments, which enter no cache key."""
    quiet_s: float = QUIET_S
    answer_s: float = ANSWER_S
    _running: set[subprocess.Popen[str]] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _cancelled: threading.Event = field(default_factory=threading.Event)

    def solve(self, engine: Engine, request: SolveRequest, progress: Progress) -> ImageDigest:
        folder = request.export_to
        with open(os.path.join(folder, "Dockerfile"), "w", encoding="utf-8") as file:
            file.write(request.dockerfile)
        metadata = os.path.join(folder, "metadata.json")
        command = [*self._command(engine, request), "--metadata-file", metadata]
        log = SolveLog(progress)
        code = self._run(engine, command, log)
        for wait_s in _PATIENCE_S:
            if code == 0 or _HALF_RECEIVED not in log.error():
                break
            self._cancelled.wait(wait_s)
            self._collect_garbage(engine)
            log = SolveLog(progress)
            code = self._run(engine, command, log)
        if code != 0:
            raise _failure(log, engine)
        return _exported_digest(metadata)

    def _run(self, engine: Engine, command: list[str], log: SolveLog) -> int:
        with self._process(command) as process, self._watch(engine, process) as watch:
            assert process.stderr is not None
            for line in process.stderr:
                watch.heard()
                log.feed(line)
            code = process.wait()
        if self._cancelled.is_set():
            raise Interrupted("interrupted")
        if watch.problem:
            raise EngineLost(f"fell silent: {watch.problem}")
        return code

    def _watch(
        self, engine: Engine, process: subprocess.Popen[str]
    ) -> contextlib.AbstractContextManager[Watch]:
        return Watch(engine, process.kill, self.quiet_s, self.answer_s).watching()

    def _collect_garbage(self, engine: Engine) -> None:
        """Makes BuildKit drop what belongs to nothing; the filter matches no part of its cache."""
        command = [*engine.command, "prune", "--filter", "id==none"]
        self._run(engine, command, SolveLog(_Silent()))

    def cancel(self) -> None:
        self._cancelled.set()
        with self._lock:
            for process in self._running:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(signal.SIGINT)

    @contextlib.contextmanager
    def _process(self, command: list[str]) -> Iterator[subprocess.Popen[str]]:
        with self._lock:
            if self._cancelled.is_set():
                raise Interrupted("interrupted")
            # A session of its own: Ctrl-C reaches bs alone, which then stops its children in order.
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
            )
            self._running.add(process)
        try:
            yield process
        finally:
            with self._lock:
                self._running.discard(process)
            if process.poll() is None:
                process.kill()
                process.wait()
            if process.stderr is not None:
                process.stderr.close()

    def _command(self, engine: Engine, request: SolveRequest) -> list[str]:
        exporter = (
            f"type=oci,tar=false,dest={request.export_to},oci-mediatypes=true,compression=zstd"
        )
        command = [
            *engine.command, "build", "--progress=rawjson",
            "--frontend=dockerfile.v0",
            # A local name of its own: solves that run at once don't share a folder inside BuildKit.
            "--local", f"{request.name}={request.export_to}", "--opt", f"dockerfilekey={request.name}",
            "--opt", "filename=Dockerfile", "--opt", f"target={request.stage}",
            "--opt", f"platform={request.platform}",
            "--opt", f"build-arg:SOURCE_DATE_EPOCH={CONSTANT_TIME}",
            "--oci-layout", f"store={request.layout}",
        ]  # fmt: skip
        if request.rewrite_times:
            exporter += ",rewrite-timestamp=true"
        for name, reference in sorted(request.contexts.items()):
            command += ["--opt", f"context:{name}={_source(reference)}"]
        for name, value in sorted(self.proxies.items()):
            command += ["--opt", f"build-arg:{name}={value}"]
        if self.ca_bundle:
            command += ["--secret", f"id=ca,src={self.ca_bundle}"]
        if request.no_cache:
            command += ["--no-cache"]
        return [*command, "--output", exporter]


class _Silent:
    """Listens to nothing."""

    def engine(self, name: str) -> None: ...

    def step(self, name: str) -> None: ...

    def output(self, text: str) -> None: ...

    def vertex(self, vertex: Vertex) -> None: ...


def _source(reference: str) -> str:
    """A digest alone is in the store, anything else at its registry."""
    return (
        f"oci-layout://store@{reference}" if is_digest(reference) else f"docker-image://{reference}"
    )


def _failure(log: SolveLog, engine: Engine) -> BuildFailed | EngineLost:
    """A failed step is no fault of the engine, whatever it printed; all else may be, if that is gone."""
    said = log.error()
    if log.failed_step:
        return BuildFailed(said)
    broken = _UNREACHABLE.search(said)
    if broken:
        return EngineLost(f"went away: {explained(broken['why'])}")
    problem = answers(engine)
    return EngineLost(f"went away: {problem}") if problem else BuildFailed(said)


def _exported_digest(metadata: str) -> ImageDigest:
    with open(metadata, encoding="utf-8") as file:
        digest = json.load(file).get("containerimage.digest")
    if not is_digest(digest):
        raise MachineError("BuildKit named no digest for what it exported")
    return ImageDigest(digest)
