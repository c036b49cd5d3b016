"""`make bench-optimizations`: the document's tables, side by side, on one BuildKit.

(a) unoptimised, (b) naive and (c) optimised Dockerfiles by plain buildctl, (d) `bs`. BuildKit begins empty for
each way, and each way has a copy of the repository of its own; edits are new in each run, so that nothing could
be remembered. One service of each language is measured in all four ways (`--services` names others), all seven
together for the optimised ways. Writes a section of docs/benchmarks.md.
"""

import argparse
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.document import machine, table, write_section
from bench.optimizations.builds import BsBuild, BuildKit, Measured, PlainBuild
from bench.optimizations.dockerfiles import IGNORED, SERVICES, Service
from buildsys.cli import context
from buildsys.rebuild import copy_bases
from buildsys.wiring import Session, references

REPOSITORY = Path(__file__).parents[2]
PLAIN = ("unoptimised", "naive", "optimised")
WAYS = (*PLAIN, "bs")
STEPS = ("first build", "no change", "code change", "dependency change")
DEFAULT = ("orchestrator", "agent-runner-py", "aob-cli")
Build = Callable[[Service], Measured]


@dataclass
class Results:
    """Way, service and step → what was measured; seconds of all seven by way."""

    cells: dict[tuple[str, str, str], Measured] = field(default_factory=dict)
    all_seven: dict[str, float] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--services", nargs="+", default=DEFAULT)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    chosen = parser.parse_args()
    services = tuple(service for service in SERVICES if service.name in chosen.services)
    results = Results()
    with _fresh() as (buildkit, environment), tempfile.TemporaryDirectory() as folder:
        for way in chosen.ways:
            buildkit.prune()
            root = _checkout(Path(folder) / way, ignored=way == "optimised")
            if way == "bs":
                _measure_bs(BsBuild(root, environment), services, results)
            else:
                plain = PlainBuild(buildkit, way, root, Path(folder))
                _measure_plain(plain, services, results)
    lines = list(_lines(services, tuple(chosen.ways), results))
    print("\n".join(lines))
    write_section("Four ways to build", lines)


@contextmanager
def _fresh() -> Iterator[tuple[BuildKit, dict[str, str]]]:
    """A private BuildKit and an empty store that has only the bases."""
    session = Session(context.machine(), str(REPOSITORY))
    references_ = references(session.bases())
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=session.machine.cache_folder))
    other = session.machine.beside(str(folder))
    other.daemon.start()
    try:
        copy_bases(session, other)
        buildctl = other.daemon.toolbox.provide("buildctl")
        yield (
            BuildKit(buildctl, other.daemon.address, session.machine.store.layout, references_),
            {"BS_CACHE_DIR": str(folder), "BUILDKIT_HOST": other.daemon.address},
        )
    finally:
        other.daemon.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _checkout(root: Path, *, ignored: bool) -> Path:
    subprocess.run(["git", "clone", "-q", str(REPOSITORY), str(root)], check=True)
    if ignored:
        (root / ".dockerignore").write_text(IGNORED)
    return root


def _measure_plain(plain: PlainBuild, services: tuple[Service, ...], results: Results) -> None:
    if plain.way == "optimised":
        results.all_seven[plain.way] = plain.build_all(SERVICES)
        plain.buildkit.prune()
    _measure(plain.way, plain.root, plain.build, services, results)


def _measure_bs(ours: BsBuild, services: tuple[Service, ...], results: Results) -> None:
    _measure("bs", ours.root, ours.build, services, results)
    results.sizes = ours.sizes()


def _measure(
    way: str, root: Path, build: Build, services: tuple[Service, ...], results: Results
) -> None:
    for service in services:
        for step in STEPS:
            if step == "code change":
                _edit(root / service.code, service)
            elif step == "dependency change":
                for name, old, new in service.dependencies:
                    path = root / name
                    text = path.read_text().replace(old, new.replace("NEW", uuid.uuid4().hex), 1)
                    path.write_text(text)
            results.cells[way, service.name, step] = build(service)
            seconds = results.cells[way, service.name, step].seconds
            print(f"{way:12} {service.name:16} {step:18} {seconds:7.1f} s", flush=True)


def _edit(path: Path, service: Service) -> None:
    name = f"bench_{uuid.uuid4().hex}"
    line = {
        "go": f"var {name} = 1\n",
        "python": f"{name} = 1\n",
        "rust": f"pub fn {name}() {{}}\n",
    }[service.language]
    path.write_text(f"{path.read_text()}\n{line}")


def _lines(services: tuple[Service, ...], ways: tuple[str, ...], results: Results) -> Iterator[str]:
    yield f"`make bench-optimizations` on {machine()} All ways on the same BuildKit,"
    yield "emptied before each, with the same bases, exported in the same form. Seconds of the whole command;"
    yield "the last column is the optimised Dockerfiles by plain buildctl against `bs`."
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
            seconds = {way: results.cells[way, service.name, step].seconds for way in ways}
            yield [f"{service.name}, {step}", *(f"{seconds[w]:.1f}" for w in ways), _ratio(seconds)]
    if results.all_seven:
        seconds = results.all_seven
        cells = [f"{seconds[way]:.1f}" if way in seconds else "-" for way in ways]
        yield ["all seven, first build", *cells, _ratio(seconds)]


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
