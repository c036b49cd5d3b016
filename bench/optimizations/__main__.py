"""`make bench-optimizations`: the document's tables, side by side.

(a) unoptimised, (b) naive and (c) optimised Dockerfiles by plain buildctl, (d) `bs`. Each way begins with an
empty BuildKit and a copy of the repository of its own; edits are new in each run, so that nothing could be
remembered; nothing changed is the median of several runs. One service of each language is measured in all
four ways (`--services` names others), all seven together for the optimised ways. Writes a section of
docs/benchmarks.md. It takes an hour: with `--results FILE` a run that was stopped goes on where it was.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field
from pathlib import Path

from bench.__main__ import ROUNDS, YOUNG_S
from bench.document import machine as this_machine
from bench.document import table, write_section
from bench.optimizations.builds import BsBuild, BuildKit, Measured, PlainBuild
from bench.optimizations.dockerfiles import IGNORED, SERVICES, Service
from buildsys.cli import context
from buildsys.rebuild import empty_machine
from buildsys.wiring import Session, references

REPOSITORY = Path(__file__).parents[2]
WAYS = ("unoptimised", "naive", "optimised", "bs")
STEPS = ("first build", "no change", "code change", "dependency change")
DEFAULT = ("orchestrator", "agent-runner-py", "aob-cli")


@dataclass
class Results:
    """Way, service and step → what was measured; seconds of all seven by way."""

    cells: dict[tuple[str, str, str], Measured] = field(default_factory=dict)
    all_seven: dict[str, float] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)

    def has(self, way: str, service: Service) -> bool:
        return all((way, service.name, step) in self.cells for step in STEPS)

    def save(self, file: str) -> None:
        if file:
            cells = [[*place, *astuple(measured)] for place, measured in self.cells.items()]
            found = {"cells": cells, "all_seven": self.all_seven, "sizes": self.sizes}
            Path(file).write_text(json.dumps(found, indent=1))

    @staticmethod
    def load(file: str) -> "Results":
        if not file or not Path(file).exists():
            return Results()
        found = json.loads(Path(file).read_text())
        cells = {(w, name, step): Measured(*rest) for w, name, step, *rest in found["cells"]}
        return Results(cells, found["all_seven"], found["sizes"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--services", nargs="+", default=DEFAULT)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--results", metavar="FILE", default="")
    chosen = parser.parse_args()
    services = tuple(service for service in SERVICES if service.name in chosen.services)
    results = Results.load(chosen.results)
    for way in chosen.ways:
        if way in {"optimised", "bs"} and way not in results.all_seven:
            with _ready(way) as build:
                results.all_seven[way] = build.build_all(SERVICES)
                print(f"{way:12} all seven {results.all_seven[way]:7.1f} s", flush=True)
                if isinstance(build, BsBuild):
                    results.sizes = build.sizes()
            results.save(chosen.results)
        left = [service for service in services if not results.has(way, service)]
        if left:
            with _ready(way) as build:
                for service in left:
                    _measure(way, build, service, results)
                    results.save(chosen.results)
    lines = list(_lines(services, tuple(chosen.ways), results))
    print("\n".join(lines))
    write_section("Four ways to build", lines)


@contextmanager
def _ready(way: str) -> Iterator[PlainBuild | BsBuild]:
    """A copy of the repository, a BuildKit that is empty, and a store that has only the bases."""
    session = Session(context.machine(), str(REPOSITORY))
    for known in session.bases().values():
        if known.reference is None:
            session.base_provider().provide(known.base)
    with empty_machine(session) as machine, tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "checkout"
        subprocess.run(["git", "clone", "-q", str(REPOSITORY), str(root)], check=True)
        address = machine.daemon.address
        buildctl = machine.daemon.toolbox.provide("buildctl")
        if way == "bs":
            # Tools are there for all ways: else bs would build its buildctl in the first build.
            path = f"{Path(buildctl).parent}{os.pathsep}{os.environ['PATH']}"
            cache = machine.cache_folder
            yield BsBuild(root, {"BS_CACHE_DIR": cache, "BUILDKIT_HOST": address, "PATH": path})
            return
        if way == "optimised":
            (root / ".dockerignore").write_text(IGNORED)
        bases = references(session.bases())
        buildkit = BuildKit(buildctl, address, session.machine.store.layout, bases)
        yield PlainBuild(buildkit, way, root, Path(folder))


def _measure(way: str, build: PlainBuild | BsBuild, service: Service, results: Results) -> None:
    root = build.root
    for step in STEPS:
        if step == "code change":
            _edit(root / service.code, service)
        elif step == "dependency change":
            for name, old, new in service.dependencies:
                _replace(root / name, old, new)
        if step == "no change":
            time.sleep(YOUNG_S)
            runs = [build.build(service) for _ in range(ROUNDS)]
            measured = sorted(runs, key=lambda run: run.seconds)[ROUNDS // 2]
        else:
            measured = build.build(service)
        results.cells[way, service.name, step] = measured
        print(f"{way:12} {service.name:16} {step:18} {measured.seconds:7.1f} s", flush=True)
    # The next service of the language begins where this one did.
    for name, old, new in reversed(service.dependencies):
        _replace(root / name, new, old)


def _replace(path: Path, old: str, new: str) -> None:
    """Raises ValueError where `old` isn't: the edit would be none."""
    text = path.read_text()
    if old not in text:
        raise ValueError(f"{path.name} has no `{old}`")
    path.write_text(text.replace(old, new, 1))


def _edit(path: Path, service: Service) -> None:
    name = f"bench_{uuid.uuid4().hex}"
    line = {
        "go": f"var {name} = 1\n",
        "python": f"{name} = 1\n",
        "rust": f"pub fn {name}() {{}}\n",
    }[service.language]
    path.write_text(f"{path.read_text()}\n{line}")


def _lines(services: tuple[Service, ...], ways: tuple[str, ...], results: Results) -> Iterator[str]:
    yield f"`make bench-optimizations` on {this_machine()} All ways on a BuildKit of the same kind,"
    yield "empty at the beginning, with the same bases, exported in the same form. Seconds of the whole"
    yield "command; the last column is the optimised Dockerfiles by plain buildctl against `bs`."
    yield ""
    yield from table(("service, step", *ways, "ratio"), _time_rows(services, ways, results))
    if results.sizes:
        yield ""
        yield "Sizes of the images, unpacked:"
        yield ""
        yield from table(("service", *ways), _size_rows(ways, results))
        yield ""
        yield "Bytes of files that BuildKit was given for a code change:"
        yield ""
        yield from table(("service", *ways), _context_rows(services, ways, results))


def _time_rows(
    services: tuple[Service, ...], ways: tuple[str, ...], results: Results
) -> Iterator[list[str]]:
    for service in services:
        for step in STEPS:
            measured = {way: results.cells.get((way, service.name, step)) for way in ways}
            seconds = {way: one.seconds for way, one in measured.items() if one is not None}
            cells = [_seconds(seconds[way]) if way in seconds else "-" for way in ways]
            yield [f"{service.name}, {step}", *cells, _ratio(seconds)]
    if results.all_seven:
        seconds = results.all_seven
        cells = [f"{seconds[way]:.1f}" if way in seconds else "-" for way in ways]
        yield ["all seven, first build", *cells, _ratio(seconds)]


def _seconds(taken: float) -> str:
    return f"{taken:.1f}" if taken >= 1 else f"{taken:.3f}"


def _ratio(seconds: dict[str, float]) -> str:
    if not {"optimised", "bs"} <= seconds.keys():
        return "-"
    return f"{seconds['optimised'] / seconds['bs']:.1f}"


def _size_rows(ways: tuple[str, ...], results: Results) -> Iterator[list[str]]:
    for name, ours in results.sizes.items():
        others = [
            _megabytes(results.cells[way, name, "first build"].image_bytes)
            if (way, name, "first build") in results.cells
            else "-"
            for way in ways
            if way != "bs"
        ]
        yield [name, *others, _megabytes(ours)]
    yield [
        "together",
        *("" for way in ways if way != "bs"),
        _megabytes(sum(results.sizes.values())),
    ]


def _context_rows(
    services: tuple[Service, ...], ways: tuple[str, ...], results: Results
) -> Iterator[list[str]]:
    for service in services:
        cells = (results.cells[way, service.name, "code change"].context_bytes for way in ways)
        yield [service.name, *(f"{count / 1000:.1f} kB" for count in cells)]


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"


if __name__ == "__main__":
    main()
