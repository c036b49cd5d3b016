"""`make bench-finding-out`: what it costs to find out what is stale, at 7, 1,000 and 10,000 targets.

Whole processes with a warm page cache, as medians, interleaved with the peers and lower bounds in the same run:
the ratios are the result. The store has a record for each key without anything being built (`stored`). Writes
docs/benchmarks.md, and with `--json` all figures for other programs.
"""

import argparse
import compileall
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from itertools import cycle
from pathlib import Path

from bench.document import machine, table, write_section
from bench.finding_out import peers, stored, workspaces
from bench.finding_out.measuring import Figure, Run, in_turn

PACKAGE = Path(__file__).parents[2] / "buildsys"
YOUNG_S = 2.5
"""Until files are this old, no stat of them is trusted (ADR 006)."""
SIZES = (7, 1_000, 10_000)
ROUNDS = 15
SMOKE = (7, 50)

NO_OP_BUILD, NO_OP_STATUS = "bs build all", "bs status all"
EDITED, FIRST = "bs status all, one file edited", "bs status all, unseen tree"
GIT, LSTAT, SHA256 = "git status --porcelain", "C: lstat", "C: read and SHA-256"
Target = tuple[str, str, float]
"""What is measured, what it is compared with, and the ratio that is wanted."""


def targets_at(size: int) -> list[Target]:
    wanted: list[Target] = [(EDITED, NO_OP_STATUS, 1.3)]
    for no_op in (NO_OP_BUILD, NO_OP_STATUS):
        if size < 1_000:  # noqa: PLR2004
            wanted.append((no_op, "turbo", 0.3))
        elif size < 10_000:  # noqa: PLR2004
            wanted += [(no_op, GIT, 2.5), (no_op, "turbo", 0.2), (no_op, "bazel", 0.2)]
        else:
            wanted += [(no_op, GIT, 2.0), (no_op, "bazel", 0.35)]
    return [*wanted, (FIRST, SHA256, 2.5)]


@dataclass(frozen=True)
class Results:
    """The figures of one size."""

    targets: int
    files: int
    figures: dict[str, Figure]

    def ratios(self) -> Iterator[tuple[str, str, float, float]]:
        """What, against what, the ratio and the one that is wanted."""
        for what, peer, wanted in targets_at(self.targets):
            if what in self.figures and peer in self.figures:
                ratio = self.figures[what].median_s / self.figures[peer].median_s
                yield what, peer, ratio, wanted


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--peers", nargs="*", choices=peers.PEERS, default=tuple(peers.PEERS))
    parser.add_argument("--json", metavar="FILE", help="write all figures here")
    parser.add_argument("--no-document", action="store_true", help="leave docs/benchmarks.md alone")
    parser.add_argument(
        "--smoke", action="store_true", help="only see that all of it works: small, once, no peers"
    )
    chosen = parser.parse_args(arguments)
    if chosen.smoke:
        chosen.sizes, chosen.rounds, chosen.peers, chosen.no_document = SMOKE, 1, (), True
    # Where PYTHONDONTWRITEBYTECODE is set, nothing else does it, and bs would be compiled at each start.
    compileall.compile_dir(str(PACKAGE), quiet=1)
    results = []
    for size in chosen.sizes:
        with tempfile.TemporaryDirectory(
            prefix="finding-out-", ignore_cleanup_errors=True
        ) as folder:
            results.append(measured(Path(folder), size, chosen))
        print("\n".join([*figures_of(results[-1]), *ratios_of(results[-1])]), flush=True)
    if chosen.json:
        Path(chosen.json).write_text(json.dumps(document(results), indent=2) + "\n")
    if not chosen.no_document:
        write_section("Finding out what is stale", lines(results))


def measured(folder: Path, size: int, chosen: argparse.Namespace) -> Results:
    """All figures at one size; `folder` is empty."""
    quiet, edited, cache = folder / "checkout", folder / "edited", folder / "cache"
    files = workspaces.generate(quiet, size)
    subprocess.run(["git", "clone", "-q", str(quiet), str(edited)], check=True)
    stored.fill(quiet, cache)
    bs = partial(_bs, cache)
    program = peers.compiled_bounds(folder)
    runs = {NO_OP_BUILD: bs("build", quiet), NO_OP_STATUS: bs("status", quiet)}
    with ExitStack() as stack:
        peer_runs = {GIT: peers.git(quiet)}
        for name in chosen.peers:
            run = stack.enter_context(peers.PEERS[name](folder, size))
            peer_runs |= {name: run} if run is not None else {}
        if program is not None:
            peer_runs[LSTAT] = Run((str(program), "lstat", "."), quiet)
        _settle([*runs.values(), bs("status", edited)], size, 0 if chosen.smoke else YOUNG_S)
        figures = in_turn(runs | peer_runs, chosen.rounds)
    sources = cycle(workspaces.edited_files(edited, min(size, 3)))
    edit = bs("status", edited, lambda: workspaces.edit(next(sources), uuid.uuid4().hex))
    figures |= in_turn({NO_OP_STATUS: runs[NO_OP_STATUS], EDITED: edit}, chosen.rounds)
    first = {FIRST: bs("status", quiet, lambda: shutil.rmtree(quiet / ".bs", ignore_errors=True))}
    if program is not None:
        first[SHA256] = Run((str(program), "sha256", "."), quiet)
    return Results(size, files, figures | in_turn(first, chosen.rounds))


def _bs(cache: Path, command: str, root: Path, before: Callable[[], object] = lambda: None) -> Run:
    program = shutil.which("bs", path=os.path.dirname(sys.executable)) or "bs"
    return Run((program, command, "all"), root, {"BS_CACHE_DIR": str(cache)}, before)


def _settle(runs: Sequence[Run], size: int, young_s: float) -> None:
    """Run each until it can answer from memory.

    Raises:
        ValueError: a target isn't fresh, so that something else would be measured than what it says.
    """
    for _ in range(2):
        for run in runs:
            said = run.once()[2].decode()
            if said.count(" fresh ") < size:
                raise ValueError(f"{run.argv} in {run.folder}: not fresh\n{said[-1000:]}")
        time.sleep(young_s)
    for run in runs:
        run.once()


def document(results: Sequence[Results]) -> dict[str, object]:
    return {
        "schema": 1,
        "machine": machine(),
        "sizes": [
            {
                "targets": one.targets,
                "files": one.files,
                "figures": {name: asdict(figure) for name, figure in one.figures.items()},
                "ratios": [
                    {"what": what, "against": peer, "ratio": round(ratio, 2), "wanted": wanted}
                    for what, peer, ratio, wanted in one.ratios()
                ],
            }
            for one in results
        ],
    }


def lines(results: Sequence[Results]) -> Iterator[str]:
    rounds = max(figure.runs for one in results for figure in one.figures.values())
    yield f"`make bench-finding-out` on {machine()} Medians of up to {rounds} whole processes, warm page cache,"
    yield "interleaved with the peers in the same run; memory is the most of any one process, and never"
    yield "less than the benchmark's own."
    yield ""
    for one in results:
        yield f"**{one.targets:,} targets, {one.files:,} files**"
        yield ""
        yield from figures_of(one)
        yield ""
        yield from ratios_of(one)
        yield ""


def figures_of(one: Results) -> list[str]:
    cells = (
        (name, f"{each.median_s:.3f}", f"{each.least_s:.3f}", f"{each.memory_mb:.0f}")
        for name, each in one.figures.items()
    )
    return table(("command", "s", "least", "MB"), cells)


def ratios_of(one: Results) -> list[str]:
    cells = (
        (f"{what} / {peer}", f"{ratio:.2f}", f"{wanted}", "yes" if ratio <= wanted else "no")
        for what, peer, ratio, wanted in one.ratios()
    )
    return table(("ratio", "is", "wanted", "met"), cells)


if __name__ == "__main__":
    main()
