"""Several real BuildKits on loopback, each in a namespace that dies with it."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from buildsys.machine import Machine
from tests.integration.conftest import free_port, wait_for
from tests.integration.real import REPOSITORY
from tests.integration.test_eject import Silent

CONFIG = """\
root = "{folder}/root"
[grpc]
  address = [{addresses}]
{tls}
[worker.oci]
  enabled = true
  networkMode = "host"
  binary = "{runtime}"
[worker.containerd]
  enabled = false
"""
TLS = """\
  [grpc.tls]
    ca = "{certificates}/ca.crt"
    cert = "{certificates}/tls.crt"
    key = "{certificates}/tls.key"
"""


@dataclass
class RealEngine:
    """A buildkitd of its own, with an empty state."""

    folder: Path
    address: str
    certificates: Path | None = None
    _process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "s").unlink(missing_ok=True)
        toolbox = Machine(os.environ, Silent()).daemon.toolbox
        own = f"unix://{self.folder}/s"
        config = self.folder / "buildkitd.toml"
        config.write_text(
            CONFIG.format(
                folder=self.folder,
                addresses=", ".join(f'"{one}"' for one in dict.fromkeys((own, self.address))),
                tls=TLS.format(certificates=self.certificates) if self.certificates else "",
                runtime=toolbox.runtime(),
            )
        )
        command = [toolbox.provide("buildkitd"), "--config", str(config)]
        self._process = start_alone(command, self.folder)
        wait_for((self.folder / "s").exists)

    def kill(self) -> None:
        """As a machine that loses its power: nothing of it has a last word."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def pause(self) -> None:
        """As a machine that hangs, or one behind a network that lets nothing through: connections stay."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        for child in children.read_text().split():
            os.kill(int(child), number)


def start_alone(command: list[str], folder: Path) -> subprocess.Popen[bytes]:
    """With all that it starts in namespaces that die with it; its log and what is temporary in `folder`."""
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    alone = ["unshare", "--pid", "--mount", "--fork", "--mount-proc", "--kill-child"]
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            [*alone, *command],
            stdout=log,
            stderr=log,
            env=dict(os.environ) | {"TMPDIR": str(temporary)},
            start_new_session=True,
        )


@contextmanager
def run_alone(command: list[str], folder: Path) -> Iterator[None]:
    running = start_alone(command, folder)
    try:
        yield
    finally:
        running.kill()
        running.wait()


@contextmanager
def real_engines(
    folder: Path, *schemes: str, certificates: Path | None = None
) -> Iterator[list[RealEngine]]:
    """An engine for each scheme, `unix` or `tcp`, while the body runs."""
    engines: list[RealEngine] = []
    for number, scheme in enumerate(schemes):
        own = folder / f"engine-{number}"
        tcp = f"tcp://127.0.0.1:{free_port()}"
        address = tcp if scheme == "tcp" else f"unix://{own}/s"
        engines.append(RealEngine(own, address, certificates if scheme == "tcp" else None))
    try:
        for engine in engines:
            engine.start()
        yield engines
    finally:
        for engine in engines:
            engine.kill()


def make_certificates(folder: Path, *names: str) -> Path:
    subprocess.run(
        [REPOSITORY / "deploy/certificates", folder, *names], check=True, capture_output=True
    )
    return folder


def named(engines: list[RealEngine]) -> str:
    return ",".join(engine.address for engine in engines)
