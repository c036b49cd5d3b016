"""The peer: the optimisation document's optimised Dockerfiles by buildx bake, with its cache in a registry."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.optimizations.builds import CA_BUNDLE
from bench.optimizations.dockerfiles import IGNORED, Service, dockerfile

BUILDX = "v0.34.1"


def provided_buildx(folder: Path) -> Path:
    """buildx, compiled by Go from its module once; no registry has to be asked for it.

    Raises:
        CalledProcessError: there is no Go here, or no module proxy.
    """
    program = folder / f"buildx-{BUILDX}"
    if not program.exists():
        module = folder / "buildx-module"
        shutil.rmtree(module, ignore_errors=True)
        module.mkdir(parents=True)
        (module / "go.mod").write_text("module bench\n\ngo 1.24\n")
        package = "github.com/docker/buildx/cmd/buildx"
        environment = {**os.environ, "CGO_ENABLED": "0"}
        for command in (
            ["go", "get", "-tool", f"{package}@{BUILDX}"],
            ["go", "build", "-trimpath", "-ldflags=-s -w", "-o", str(program), package],
        ):
            subprocess.run(command, cwd=module, env=environment, check=True, capture_output=True)
    return program


@dataclass(frozen=True)
class Bake:
    """Builds by bake on a BuildKit, all services at once; images are pushed, as what bs builds is."""

    buildx: Path
    address: str
    registry: str
    bases: Mapping[str, str]
    """Name → reference at a registry."""
    folder: Path

    def build(self, root: Path, services: tuple[Service, ...]) -> float:
        """Seconds of the whole process.

        Raises:
            RuntimeError: it failed; with what it said.
        """
        environment = {**os.environ, "BUILDX_CONFIG": str(self.folder / "buildx")}
        create = [str(self.buildx), "create", "--driver=remote", "--name=bench", self.address]
        subprocess.run(create, env=environment, check=False, capture_output=True)
        (root / ".dockerignore").write_text(IGNORED)
        file = self.folder / "docker-bake.json"
        targets = {service.name: self._target(root, service) for service in services}
        file.write_text(json.dumps({"group": {"all": {"targets": [*targets]}}, "target": targets}))
        command = [
            str(self.buildx),
            "bake",
            "--builder=bench",
            "--allow=fs=*",
            "-f",
            str(file),
            "all",
        ]
        started = time.perf_counter()
        done = subprocess.run(
            command, env=environment, cwd=root, check=False, capture_output=True, text=True
        )
        seconds = time.perf_counter() - started
        if done.returncode != 0:
            raise RuntimeError(done.stderr[-3000:])
        return seconds

    def _target(self, root: Path, service: Service) -> dict[str, object]:
        path = self.folder / f"{service.name}.Dockerfile"
        path.write_text(dockerfile("optimised", service))
        cache = f"type=registry,ref={self.registry}/bake-cache:{service.name}"
        return {
            "context": str(root),
            "dockerfile": str(path),
            "contexts": {name: f"docker-image://{base}" for name, base in self.bases.items()},
            "secret": [f"id=ca,src={CA_BUNDLE}"],
            "cache-from": [cache],
            "cache-to": [f"{cache},mode=max,compression=zstd,oci-mediatypes=true"],
            "attest": ["type=provenance,disabled=true"],
            "output": [
                f"type=image,name={self.registry}/bake/{service.name},push=true,compression=zstd"
            ],
        }
