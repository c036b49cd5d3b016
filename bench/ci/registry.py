"""A real registry on loopback (Debian's docker-registry), behind a port that counts bytes."""

import contextlib
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_CONFIGURATION = """version: 0.1
storage:
  filesystem: {rootdirectory: FOLDER}
http: {addr: "127.0.0.1:PORT"}
log: {accesslog: {disabled: true}}
"""
_PIECE = 1 << 18
_STARTING_S = 20.0


@dataclass(slots=True)
class Traffic:
    """Bytes that went through a port: `sent` to the registry, `received` from it."""

    sent: int = 0
    received: int = 0


class CountedPort:
    """Forwards connections to another port of loopback, and counts."""

    def __init__(self, behind: int) -> None:
        self._behind = behind
        self._traffic = Traffic()
        self._lock = threading.Lock()
        self._socket = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

    def counted(self) -> Traffic:
        """What was counted since this was asked last."""
        with self._lock:
            before, self._traffic = self._traffic, Traffic()
        return before

    def close(self) -> None:
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            registry = socket.create_connection(("127.0.0.1", self._behind))
            for source, sink, name in ((client, registry, "sent"), (registry, client, "received")):
                threading.Thread(target=self._pump, args=(source, sink, name), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, name: str) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(_PIECE):
                with self._lock:
                    setattr(self._traffic, name, getattr(self._traffic, name) + len(piece))
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def counted_registry(folder: Path) -> Iterator[CountedPort]:
    """An empty registry that keeps what it gets in `folder`.

    Raises:
        RuntimeError: there is no docker-registry on PATH, or it doesn't start.
    """
    program = shutil.which("docker-registry")
    if program is None:
        raise RuntimeError("no docker-registry here: `apt-get install docker-registry`")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    configuration = folder / "registry.yml"
    text = _CONFIGURATION.replace("FOLDER", str(folder / "registry")).replace("PORT", str(port))
    configuration.write_text(text)
    # It logs each question whose answer is no as an error.
    quiet = subprocess.DEVNULL
    process = subprocess.Popen([program, "serve", str(configuration)], stderr=quiet, stdout=quiet)
    try:
        _wait_for(port)
        counted = CountedPort(port)
        yield counted
        counted.close()
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _STARTING_S
    while not _answers(port):
        if time.monotonic() > deadline:
            raise RuntimeError("docker-registry doesn't answer")
        time.sleep(0.05)


def _answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=1).close()
    except OSError:
        return False
    return True
