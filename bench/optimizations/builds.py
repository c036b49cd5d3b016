"""One build, timed: by plain buildctl, or by `bs`; on the same BuildKit, exported in the same form."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.optimizations.dockerfiles import Service, dockerfile
from buildsys.store.layers import unpacked_bytes

CA_BUNDLE = os.environ.get("SSL_CERT_FILE") or "/etc/ssl/certs/ca-certificates.crt"
EXPORT = "type=oci,tar=false,oci-mediatypes=true,compression=zstd"


@dataclass(frozen=True)
class Measured:
    """Seconds of the whole process; bytes of files that BuildKit was given; bytes of the image, unpacked."""

    seconds: float
    context_bytes: int
    image_bytes: int


@dataclass(frozen=True)
class BuildKit:
    """The BuildKit that all builds share, and the bases as contexts."""

    buildctl: str
    address: str
    store: str
    bases: Mapping[str, str]
    """Name → reference by digest, in `store` or at a registry."""


@dataclass
class PlainBuild:
    """Builds by buildctl, with a Dockerfile of the document."""

    buildkit: BuildKit
    way: str
    root: Path
    scratch: Path
    _running: dict[str, tuple[subprocess.Popen[str], Path]] = field(default_factory=dict)

    def start(self, service: Service) -> None:
        folder = self.scratch / f"{self.way}-{service.name}"
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "out").mkdir(parents=True)
        (folder / "Dockerfile").write_text(dockerfile(self.way, service))
        log = (folder / "log").open("w")
        command = self._command(folder)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log, text=True)
        self._running[service.name] = (process, folder)

    def finish(self, service: Service) -> tuple[int, int]:
        """Bytes of context, bytes of the image."""
        process, folder = self._running.pop(service.name)
        if process.wait() != 0:
            raise RuntimeError(f"{self.way} {service.name}: {(folder / 'log').read_text()[-3000:]}")
        sent = _transferred((folder / "log").read_text())
        size = _image_bytes(folder / "out")
        shutil.rmtree(folder)
        return sent, size

    def build(self, service: Service) -> Measured:
        started = time.perf_counter()
        self.start(service)
        self._running[service.name][0].wait()
        seconds = time.perf_counter() - started
        return Measured(seconds, *self.finish(service))

    def build_all(self, services: tuple[Service, ...]) -> float:
        """Seconds of all, started at once: BuildKit does what they share once, as for `bake`."""
        started = time.perf_counter()
        for service in services:
            self.start(service)
        for service in services:
            self._running[service.name][0].wait()
        seconds = time.perf_counter() - started
        for service in services:
            self.finish(service)
        return seconds

    def _command(self, folder: Path) -> list[str]:
        kit = self.buildkit
        command = [
            kit.buildctl, "--addr", kit.address, "build", "--progress=rawjson", "--frontend=dockerfile.v0",
            "--local", f"context={self.root}", "--local", f"dockerfile={folder}",
            "--secret", f"id=ca,src={CA_BUNDLE}", "--oci-layout", f"store={kit.store}",
            "--output", f"{EXPORT},dest={folder / 'out'}",
        ]  # fmt: skip
        for name, reference in kit.bases.items():
            kind = "oci-layout://store@" if reference.startswith("sha256:") else "docker-image://"
            command += ["--opt", f"context:{name}={kind}{reference}"]
        return command


@dataclass(frozen=True)
class BsBuild:
    """Builds by `bs`, with a store of its own."""

    root: Path
    environment: Mapping[str, str]

    def build(self, service: Service) -> Measured:
        started = time.perf_counter()
        report = json.loads(self.run("build", f"//cmd/{service.name}", "--json"))
        seconds = time.perf_counter() - started
        (target,) = report["targets"]
        return Measured(seconds, self._sealed_bytes(report), target["image"]["size_bytes"])

    def build_all(self, services: tuple[Service, ...]) -> float:
        started = time.perf_counter()
        self.run("build", *(f"//cmd/{service.name}" for service in services), "--json")
        return time.perf_counter() - started

    def sizes(self) -> dict[str, int]:
        report = json.loads(self.run("build", "all", "--json"))
        return {
            target["label"].rpartition("/")[2]: target["image"]["size_bytes"]
            for target in report["targets"]
        }

    def _sealed_bytes(self, report: object) -> int:
        """Bytes of the files that were inputs of the layers that were built."""
        assert isinstance(report, dict)
        built = [
            layer["key"]
            for target in report["targets"]
            for layer in target["layers"]
            if layer["outcome"] == "built"
        ]
        files = {path for key in built for path in self._inputs(key)}
        return sum((self.root / path).stat().st_size for path in files)

    def _inputs(self, key: str) -> list[str]:
        record = Path(self.environment["BS_CACHE_DIR"]) / "store" / "records" / key[:2] / key
        manifest = json.loads(record.read_text().partition("\n")[2])["manifest"]
        return [path for states in manifest["inputs"].values() for path in states]

    def run(self, *arguments: str) -> str:
        """What `bs ARGUMENTS` says.

        Raises:
            RuntimeError: it failed; with what it said.
        """
        command = shutil.which("bs", path=os.path.dirname(sys.executable)) or "bs"
        done = subprocess.run(
            [command, *arguments],
            cwd=self.root,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode not in {0, 3}:
            raise RuntimeError(done.stderr[-3000:])
        return done.stdout


def _transferred(log: str) -> int:
    """The most that BuildKit reported for each transfer of a context, added up."""
    most: dict[str, int] = {}
    for line in log.splitlines():
        if not line.startswith("{"):
            continue
        for status in json.loads(line).get("statuses") or ():
            if re.match(r"transferring context", status.get("id", "")):
                vertex = status["vertex"]
                most[vertex] = max(most.get(vertex, 0), status.get("current", 0))
    return sum(most.values())


def _image_bytes(layout: Path) -> int:
    def blob(digest: str) -> Path:
        return layout / "blobs" / "sha256" / digest.removeprefix("sha256:")

    index = json.loads((layout / "index.json").read_text())
    manifest = json.loads(blob(index["manifests"][0]["digest"]).read_text())
    return sum(unpacked_bytes(str(blob(layer["digest"]))) for layer in manifest["layers"])
