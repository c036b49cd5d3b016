"""The private buildkitd: started on demand, shared by all builds of a user, stopped when idle."""

import contextlib
import fcntl
import hashlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from buildsys.engine.provision import Toolbox
from buildsys.errors import MachineError

IDLE_S = 900
"""A BuildKit that nobody used for this long is stopped: it costs memory, and starts in a second."""
_START_S = 60.0
_LONGEST_SOCKET = 100
"""sockaddr_un has 108 bytes."""


@dataclass(frozen=True, slots=True)
class Daemon:
    """The buildkitd whose state is below `folder`."""

    folder: str
    toolbox: Toolbox

    @property
    def socket(self) -> str:
        path = os.path.join(self.folder, "run", "buildkitd.sock")
        if len(path.encode()) <= _LONGEST_SOCKET:
            return path
        name = hashlib.sha256(self.folder.encode()).hexdigest()[:16]
        return os.path.join(tempfile.gettempdir(), f"bs-{os.getuid()}-{name}", "buildkitd.sock")

    @property
    def address(self) -> str:
        return f"unix://{self.socket}"

    @property
    def log(self) -> str:
        return os.path.join(self.folder, "buildkitd.log")

    def running(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(self.socket)
            except OSError:
                return False
        return True

    def start(self) -> None:
        """Start it unless it runs; returns when it answers.

        Raises:
            MachineError: it can't be started; the message has the end of its log.
        """
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        with self._alone():
            if self.running():
                return
            self._launch()

    def stop(self) -> bool:
        """Stop it, and wait until another one could start; False if it wasn't running."""
        if not os.path.isdir(self.folder):
            return False
        with self._alone():
            was_running = self.running()
            for pid in self._pids():
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGTERM)
            if was_running:
                self._await_end()
        return was_running

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Keeps it from being stopped as idle."""
        path = os.path.join(self.folder, "in-use")
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        with _locked(path, fcntl.LOCK_SH):
            os.utime(path)
            yield
            os.utime(path)

    def _alone(self) -> AbstractContextManager[None]:
        """Whoever starts or stops it does so alone."""
        return _locked(os.path.join(self.folder, "start.lock"), fcntl.LOCK_EX)

    def _await_end(self) -> None:
        """Wait for one that was told to stop: its socket closes while it still finishes what it does."""
        deadline = time.monotonic() + _START_S
        while (self.running() or self._has_state()) and time.monotonic() < deadline:
            time.sleep(0.05)

    def _has_state(self) -> bool:
        """Whether a buildkitd holds the lock of its state; another one wouldn't start."""
        try:
            descriptor = os.open(os.path.join(self.folder, "root", "buildkitd.lock"), os.O_RDWR)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def _launch(self) -> None:
        buildkitd = self.toolbox.provide("buildkitd")
        runtime = self._check_machine()
        self._await_end()
        os.makedirs(os.path.dirname(self.socket), mode=0o700, exist_ok=True)
        config = os.path.join(self.folder, "buildkitd.toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(self._config(runtime))
        with open(self.log, "ab") as log:
            keeper = subprocess.Popen(
                [sys.executable, "-m", "buildsys.engine.keeper", self.folder, str(IDLE_S), buildkitd,
                 "--config", config],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self._await(keeper)

    def _check_machine(self) -> str:
        runtime = self.toolbox.runtime()
        if runtime is None:
            raise MachineError(
                "BuildKit needs runc or crun, and neither is on PATH",
                hint="apt-get install -y --no-install-recommends runc",
            )
        if os.getuid() != 0:
            raise MachineError(
                "a private BuildKit has to be started by root",
                hint="start Docker, or name a running BuildKit by BUILDKIT_HOST",
            )
        return runtime

    def _config(self, runtime: str) -> str:
        root = os.path.join(self.folder, "root")
        return (
            f'root = "{root}"\n'
            f'[grpc]\n  address = ["{self.address}"]\n'
            f'[worker.oci]\n  enabled = true\n  networkMode = "host"\n  binary = "{runtime}"\n'
            "[worker.containerd]\n  enabled = false\n"
        )

    def _await(self, keeper: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_S
        while not self.running():
            if keeper.poll() is not None or time.monotonic() > deadline:
                raise MachineError(
                    f"BuildKit didn't start: {self._log_end()}", hint=f"the whole log: {self.log}"
                )
            time.sleep(0.02)
        # Nobody waits for the keeper any longer, which outlives this process.
        keeper.returncode = 0

    def _log_end(self) -> str:
        with contextlib.suppress(OSError), open(self.log, "rb") as file:
            return file.read()[-1500:].decode(errors="replace").strip()
        return "no log"

    def _pids(self) -> list[int]:
        try:
            with open(os.path.join(self.folder, "pids"), encoding="ascii") as file:
                return [int(word) for word in file.read().split()]
        except (OSError, ValueError):
            return []


@contextmanager
def _locked(path: str, how: int) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)
