"""Containers by runc or crun: no daemon, only for root."""

import contextlib
import json
import os
import shutil
import subprocess
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from buildsys.containers.bundle import HOST_FILES, bundle_config
from buildsys.containers.container import ContainerSpec, Mount
from buildsys.containers.unpack import unpack
from buildsys.errors import MachineError
from buildsys.images.stored import StoredImage

GRACE_S = 15.0
"""How long a container may take to end after SIGTERM."""
_CHECK_S = 10.0


@dataclass(frozen=True, slots=True)
class Runc:
    """The port `Runtime`; `folder` holds bundles, logs and volumes of one workspace."""

    program: str
    folder: str
    workspace: str
    """Tells the containers of one workspace from those of others."""

    def start(self, spec: ContainerSpec, image: StoredImage) -> "RuncContainer":
        container = self._container(spec.name)
        container.stop()
        bundle = self._bundle(spec, image)
        with open(container.log, "wb") as log:
            # A session of its own: it outlives this process, and Ctrl-C isn't for it.
            process = subprocess.Popen(
                [*self._command, "run", "--bundle", bundle, container.id],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return RuncContainer(self, spec.name, process)

    def run(self, spec: ContainerSpec, image: StoredImage) -> int:
        container = self._container(f"{spec.name}-{os.getpid()}")
        bundle = self._bundle(spec, image, container.name)
        command = [*self._command, "run", "--bundle", bundle, container.id]
        # Ctrl-C reaches runc as well, which hands it on: this process only waits for the end.
        process = subprocess.Popen(command)
        try:
            while True:
                with contextlib.suppress(KeyboardInterrupt):
                    return process.wait()
        finally:
            container.stop()

    def running(self) -> tuple["RuncContainer", ...]:
        listed = self.call("list", "-f", "json")
        found = json.loads(listed.stdout or "null") or []
        prefix = self.identifier("")
        return tuple(
            self._container(item["id"].removeprefix(prefix))
            for item in sorted(found, key=lambda item: str(item["id"]))
            if item["id"].startswith(prefix)
        )

    def call(self, *arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [*self._command, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
        )

    def identifier(self, name: str) -> str:
        return f"bs-{self.workspace}-{name}"

    @property
    def _command(self) -> list[str]:
        # No limits are asked for; crun would want a cgroup of its own all the same, where there may be none.
        crun = os.path.basename(self.program) == "crun"
        options = ("--cgroup-manager=disabled",) if crun else ()
        return [self.program, *options, "--root", os.path.join(self.folder, "state")]

    def _container(self, name: str) -> "RuncContainer":
        return RuncContainer(self, name)

    def _bundle(self, spec: ContainerSpec, image: StoredImage, name: str = "") -> str:
        if os.getuid() != 0:
            raise MachineError(
                f"{os.path.basename(self.program)} has to be started by root",
                hint="start Docker, which serves other users too",
            )
        bundle = os.path.join(self.folder, "bundles", name or spec.name)
        shutil.rmtree(bundle, ignore_errors=True)
        root = os.path.join(bundle, "rootfs")
        unpack(image, root)
        mounts = (*self._volumes(spec), *spec.mounts, *_host_files())
        for mount in mounts:
            _make_target(root, mount)
        with open(os.path.join(bundle, "config.json"), "w", encoding="utf-8") as file:
            json.dump(bundle_config(spec, mounts), file)
        return bundle

    def _volumes(self, spec: ContainerSpec) -> Iterator[Mount]:
        for target in spec.volumes:
            source = os.path.join(self.folder, "volumes", spec.name, target.strip("/"))
            os.makedirs(source, exist_ok=True)
            os.chown(source, spec.uid, spec.gid)
            yield Mount(source, target)


@dataclass(frozen=True, slots=True)
class RuncContainer:
    """The port `Container`."""

    runtime: Runc
    name: str
    process: subprocess.Popen[bytes] | None = None
    """runc's own, in the process that started it: it ends with the container's exit code."""

    @property
    def id(self) -> str:
        return self.runtime.identifier(self.name)

    @property
    def log(self) -> str:
        return os.path.join(self.runtime.folder, f"{self.name}.log")

    def exit_code(self) -> int | None:
        if self.process is not None:
            return self.process.poll()
        return None if self._status() in {"created", "running"} else 0

    def check(self, command: tuple[str, ...]) -> bool:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.runtime.call("exec", self.id, *command, timeout=_CHECK_S).returncode == 0
        return False

    def log_end(self, lines: int) -> str:
        try:
            with open(self.log, encoding="utf-8", errors="replace") as file:
                return "".join(deque(file, lines)).rstrip()
        except OSError:
            return ""

    def follow(self) -> Iterator[str]:
        with open(self.log, encoding="utf-8", errors="replace") as file:
            while True:
                ended = self.exit_code() is not None
                yield from iter(file.readline, "")
                if ended:
                    return
                time.sleep(0.1)

    def stop(self) -> None:
        if self._status() == "running":
            self.runtime.call("kill", self.id, "TERM")
            deadline = time.monotonic() + GRACE_S
            while self._status() == "running" and time.monotonic() < deadline:
                time.sleep(0.05)
        self.runtime.call("delete", "--force", self.id)
        if self.process is not None:
            self.process.wait()
        shutil.rmtree(os.path.join(self.runtime.folder, "bundles", self.name), ignore_errors=True)

    def _status(self) -> str:
        state = self.runtime.call("state", self.id)
        if state.returncode != 0:
            return "gone"
        return str(json.loads(state.stdout).get("status"))


def _host_files() -> Iterator[Mount]:
    for path in HOST_FILES:
        if os.path.exists(path):
            yield Mount(os.path.realpath(path), path, read_only=True)


def _make_target(root: str, mount: Mount) -> None:
    """Runc makes folders to mount upon, but no files."""
    target = os.path.join(root, mount.target.lstrip("/"))
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if not os.path.isdir(mount.source) and not os.path.lexists(target):
        with open(target, "wb"):
            pass
