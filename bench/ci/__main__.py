"""`make bench-ci`: `bs build all` on an empty machine against a warm registry, beside buildx bake.

Both ways have the same registry, the same bases in it, and a BuildKit that is empty each time; the tools
are there. One machine fills the cache; then each step begins with a machine that has nothing: nothing was
changed, one line of a Go service, the requirements of the Python service. Bytes are counted at the registry's
port. Writes a section of docs/benchmarks.md. `--services` names fewer; with all seven it takes an hour.
"""

import argparse
import os
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.ci.bake import Bake, provided_buildx
from bench.ci.registry import CountedPort, Traffic, counted_registry
from bench.document import machine as this_machine
from bench.document import table, write_section
from bench.optimizations.builds import BsBuild
from bench.optimizations.dockerfiles import SERVICES, Service
from buildsys.cli import context
from buildsys.machine import Machine
from buildsys.rebuild import empty_machine
from buildsys.wiring import Session

REPOSITORY = Path(__file__).parents[2]
WAYS = ("bake", "bs")
STEPS = ("filling the cache", "nothing changed", "one Go line", "requirements changed")


@dataclass(frozen=True)
class Cost:
    """Seconds of the whole process, and what went to and from the registry meanwhile."""

    seconds: float
    traffic: Traffic


@dataclass(frozen=True)
class Place:
    """What all machines have in common."""

    session: Session
    registry: CountedPort
    bases: dict[str, str]
    """Name → reference at the registry."""
    services: tuple[Service, ...]
    buildx: Path

    def cost(self, way: str, step: str) -> Cost:
        """What a machine pays that has nothing, with a fresh clone and the step's edits."""
        with _throw_away(self, step) as (machine, root, folder):
            build = self._bake(machine, folder) if way == "bake" else self._bs(machine, root)
            self.registry.counted()
            seconds = build(root)
            return Cost(seconds, self.registry.counted())

    def _bake(self, machine: Machine, folder: Path) -> Callable[[Path], float]:
        address = machine.daemon.address
        bake = Bake(self.buildx, address, self.registry.address, self.bases, folder)
        return lambda root: bake.build(root, self.services)

    def _bs(self, machine: Machine, root: Path) -> Callable[[Path], float]:
        buildctl = Path(machine.daemon.toolbox.provide("buildctl"))
        build = BsBuild(
            root,
            {
                "BS_CACHE_DIR": machine.cache_folder,
                "BUILDKIT_HOST": machine.daemon.address,
                "PATH": f"{buildctl.parent}{os.pathsep}{os.environ['PATH']}",
                "BS_CACHE": "remote:rw",
                "BS_CACHE_REGISTRY": f"{self.registry.address}/bs-cache",
            },
        )
        # Pins are part of a checkout; without them, bases that were bootstrapped would do.
        build.run("bases", "update")
        return lambda _: build.build_all(self.services)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--services", nargs="+", default=[service.name for service in SERVICES])
    chosen = parser.parse_args()
    services = tuple(service for service in SERVICES if service.name in chosen.services)
    session = Session(context.machine(), str(REPOSITORY))
    buildx = provided_buildx(Path(session.machine.cache_folder) / "bench")
    found: dict[tuple[str, str], Cost] = {}
    with tempfile.TemporaryDirectory() as name, counted_registry(Path(name)) as registry:
        bases = _published_bases(session, registry, Path(name))
        place = Place(session, registry, bases, services, buildx)
        for step in STEPS:
            for way in WAYS:
                found[way, step] = cost = place.cost(way, step)
                print(f"{way:5} {step:20} {cost.seconds:7.1f} s  {_bytes(cost)}", flush=True)
    lines = list(_lines(services, found))
    print("\n".join(lines))
    write_section("An empty machine and a warm registry", lines)


def _published_bases(session: Session, registry: CountedPort, folder: Path) -> dict[str, str]:
    """Put the workspace's bases into the registry; name → reference by digest."""
    known = session.bases()
    for one in known.values():
        if one.reference is None:
            session.base_provider().provide(one.base)
    found: dict[str, str] = {}
    for name, one in session.bases().items():
        reference = f"{registry.address}/bases/{name}"
        (folder / "Dockerfile").write_text("FROM base\n")
        metadata = folder / "metadata.json"
        daemon = session.machine.daemon
        daemon.start()
        kind = "oci-layout://store@" if one.origin != "registry" else "docker-image://"
        subprocess.run(
            [
                daemon.toolbox.provide("buildctl"), "--addr", daemon.address, "build",
                "--frontend=dockerfile.v0", "--local", f"dockerfile={folder}",
                "--oci-layout", f"store={session.machine.store.layout}",
                "--opt", f"context:base={kind}{one.reference}",
                "--output", f"type=image,name={reference},push=true",
                "--metadata-file", str(metadata),
            ],
            check=True, capture_output=True,
        )  # fmt: skip
        found[name] = f"{reference}:latest"
    return found


@contextmanager
def _throw_away(place: Place, step: str) -> Iterator[tuple[Machine, Path, Path]]:
    """A machine that has nothing, a fresh clone with the step's edits, and a folder for what else is needed."""
    with empty_machine(place.session) as machine, tempfile.TemporaryDirectory() as name:
        root = Path(name) / "checkout"
        subprocess.run(["git", "clone", "-q", str(REPOSITORY), str(root)], check=True)
        lines = "".join(f"  {base}: {{image: {image}}}\n" for base, image in place.bases.items())
        with (root / "BUILD.yaml").open("a") as file:
            file.write(f"\nbases:\n{lines}")
        _edit(root, step, place.services)
        yield machine, root, Path(name)


def _edit(root: Path, step: str, services: tuple[Service, ...]) -> None:
    if step == "one Go line":
        go = next(service for service in services if service.language == "go")
        path = root / go.code
        path.write_text(f"{path.read_text()}\nvar bench_{uuid.uuid4().hex} = 1\n")
    elif step == "requirements changed":
        python = next(service for service in services if service.language == "python")
        for name, old, new in python.dependencies:
            path = root / name
            path.write_text(path.read_text().replace(old, new, 1))


def _bytes(cost: Cost) -> str:
    received, sent = (_megabytes(n) for n in (cost.traffic.received, cost.traffic.sent))
    return f"{received} received, {sent} sent"


def _lines(services: tuple[Service, ...], found: dict[tuple[str, str], Cost]) -> Iterator[str]:
    yield f"`make bench-ci` on {this_machine()} Each row begins with an empty BuildKit, an empty store and"
    yield f"a fresh clone ({', '.join(service.name for service in services)}); the registry (Debian's"
    yield "docker-registry on loopback, with the bases in it) has what the first row left there. bake: the"
    yield "document's optimised Dockerfiles, `cache-to type=registry,mode=max`, images pushed."
    yield ""
    header = ("an empty machine", "bake s", "bs s", "bs / bake", "bake received", "bs received")
    yield from table((*header, "bake sent", "bs sent"), (_row(step, found) for step in STEPS))


def _row(step: str, found: dict[tuple[str, str], Cost]) -> list[str]:
    costs = [found[way, step] for way in WAYS]
    seconds = [cost.seconds for cost in costs]
    received = [_megabytes(cost.traffic.received) for cost in costs]
    sent = [_megabytes(cost.traffic.sent) for cost in costs]
    ratio = f"{seconds[1] / seconds[0]:.2f}"
    return [step, *(f"{one:.1f}" for one in seconds), ratio, *received, *sent]


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.2f} MB"


if __name__ == "__main__":
    main()
