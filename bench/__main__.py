"""`make bench`: what a code change and a no-op cost, against the native compiler and `git status`.

Each pair of figures is taken alternately in one run, as medians, on copies of the repository: machines differ
and are shared, so the ratio is the result. The store outlives a run, so each run's edits are new ones, and
`bs` must say that it built (or didn't) before a figure counts. Writes docs/benchmarks.md.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from bench.document import machine, table, write_section

ROUNDS = 5
YOUNG_S = 2.5
"""Until files are this old, no stat of them is trusted (ADR 006)."""
REPOSITORY = Path(__file__).parents[1]
SERVICES = ("orchestrator", "workflow-runner", "http-worker", "hitl-worker", "fanout")
GO_FLAGS = ("-buildvcs=false", "-trimpath", "-tags", "netgo", "-ldflags=-s -w")
Row = tuple[str, float, str, float]
"""What was measured, seconds, the peer, its seconds."""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "checkout"
        subprocess.run(["git", "clone", "-q", str(REPOSITORY), str(root)], check=True)
        bs(root, "build", "all")
        rows = [*go_changes(root), *no_ops(root)]
    report = list(lines(rows))
    write_section("Against the native tools", report)
    print("\n".join(report))


def go_changes(root: Path) -> Iterator[Row]:
    run = uuid.uuid4().hex
    environment = dict(os.environ) | {"CGO_ENABLED": "0", "GOCACHE": str(root.parent / "gocache")}
    for service in SERVICES:
        source = root / "cmd" / service / "main.go"
        command = ["go", "build", *GO_FLAGS, "-o", str(root.parent / service), f"./cmd/{service}"]
        original = source.read_text()
        seconds = alternate(
            partial(edit, source, f"{original}\nvar bench{run} = "),
            partial(build, root, f"//cmd/{service}", solves=1),
            partial(subprocess.run, command, cwd=root, env=environment, check=True),
        )
        source.write_text(original)
        yield (
            f"`bs build //cmd/{service}`, one line changed",
            seconds[0],
            "`go build`",
            seconds[1],
        )


def edit(source: Path, text: str, number: int) -> None:
    source.write_text(f"{text}{number}\n")


def no_ops(root: Path) -> Iterator[Row]:
    bs(root, "build", "all")
    time.sleep(YOUNG_S)
    commands: dict[str, Callable[[], object]] = {
        "build": partial(build, root, "all", solves=0),
        "status": partial(bs, root, "status", "all", "--exit-code"),
    }
    for command, ours in commands.items():
        seconds = alternate(
            lambda _number: None,
            ours,
            lambda: subprocess.run(
                ["git", "status", "--porcelain"], cwd=root, check=True, capture_output=True
            ),
        )
        yield (f"`bs {command} all`, nothing changed", seconds[0], "`git status`", seconds[1])


def alternate(
    edit: Callable[[int], object], ours: Callable[[], object], peer: Callable[[], object]
) -> tuple[float, float]:
    """Medians of both, after one round that warms up."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(ROUNDS + 1):
        edit(number)
        for run, taken in zip((ours, peer), times, strict=True):
            started = time.perf_counter()
            run()
            taken.append(time.perf_counter() - started)
    return statistics.median(times[0][1:]), statistics.median(times[1][1:])


def build(root: Path, pattern: str, *, solves: int) -> None:
    """Raises ValueError when BuildKit was not called exactly `solves` times."""
    report = json.loads(bs(root, "build", pattern, "--json"))
    if report["engine"]["solves"] != solves:
        raise ValueError(f"{pattern}: expected {solves} solves, not {report['engine']}")


def bs(root: Path, *arguments: str) -> bytes:
    """What the command printed on stdout."""
    command = shutil.which("bs", path=os.path.dirname(sys.executable)) or "bs"
    return subprocess.run([command, *arguments], cwd=root, check=True, capture_output=True).stdout


def lines(rows: list[Row]) -> Iterator[str]:
    yield f"`make bench` on {machine()} Medians of {ROUNDS}, whole processes, both in the same run."
    yield ""
    cells = (
        (what, f"{ours:.3f}", peer, f"{theirs:.3f}", f"{ours / theirs:.1f}")
        for what, ours, peer, theirs in rows
    )
    yield from table(("what", "s", "against", "s", "ratio"), cells)


if __name__ == "__main__":
    main()
