"""`make bench`: what a code change and a no-op cost, against the native compilers and `git status`.

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
from typing import Any

from bench.document import machine, table, write_section
from buildsys.machine import Machine

ROUNDS = 5
YOUNG_S = 2.5
"""Until files are this old, no stat of them is trusted (ADR 006)."""
REPOSITORY = Path(__file__).parents[1]
SERVICES = ("orchestrator", "workflow-runner", "http-worker", "hitl-worker", "fanout")
GO_FLAGS = ("-buildvcs=false", "-trimpath", "-tags", "netgo", "-ldflags=-s -w")
RUST_FLAGS = "-C target-feature=+crt-static -C link-arg=-s"
CRATE, PACKAGE = "cmd/aob-cli", "cmd/agent-runner-py"
Row = tuple[str, float, str, float]
"""What was measured, seconds, the peer, its seconds."""


def main() -> None:
    overheads: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "checkout"
        subprocess.run(["git", "clone", "-q", str(REPOSITORY), str(root)], check=True)
        bs(root, "build", "all")
        rows = [
            *go_changes(root, overheads),
            rust_change(root, overheads),
            python_change(root, overheads),
            *no_ops(root),
        ]
    report = list(lines(rows, overheads))
    write_section("Against the native tools", report)
    print("\n".join(report))


def go_changes(root: Path, overheads: list[float]) -> Iterator[Row]:
    environment = dict(os.environ) | {"CGO_ENABLED": "0", "GOCACHE": str(root.parent / "gocache")}
    for service in SERVICES:
        package = f"cmd/{service}"
        command = ["go", "build", *GO_FLAGS, "-o", str(root.parent / service), f"./{package}"]
        native = partial(subprocess.run, command, cwd=root, env=environment, check=True)
        line = f"var bench{uuid.uuid4().hex} = {{}}\n"
        ours, theirs = code_change(root, package, "main.go", line, native, overheads)
        yield f"`bs build //{package}`, one line changed", ours, "`go build`", theirs


def rust_change(root: Path, overheads: list[float]) -> Row:
    """Against the cargo of this machine, whose rustc may be another than the image's."""
    version = subprocess.run(["rustc", "-vV"], check=True, capture_output=True, text=True).stdout
    host = version.partition("host: ")[2].split()[0]
    target = str(root.parent / "target")
    environment = dict(os.environ) | {"CARGO_TARGET_DIR": target, "RUSTFLAGS": RUST_FLAGS}
    command = ["cargo", "build", "-q", "--release", "--locked", "--target", host, "--bin", "aob"]
    native = partial(subprocess.run, command, cwd=root / CRATE, env=environment, check=True)
    line = f"#[used]\nstatic BENCH_{uuid.uuid4().hex.upper()}: u32 = {{}};\n"
    ours, theirs = code_change(root, CRATE, "src/commands.rs", line, native, overheads)
    return f"`bs build //{CRATE}`, one line changed", ours, "`cargo build`", theirs


def python_change(root: Path, overheads: list[float]) -> Row:
    """Against byte-compiling the package: Python's own tools have no more to do."""
    command = [sys.executable, "-m", "compileall", "-q", "-f", str(root / PACKAGE)]
    native = partial(subprocess.run, command, check=True)
    line = f"bench_{uuid.uuid4().hex} = {{}}\n"
    ours, theirs = code_change(root, PACKAGE, "agent_runner/__init__.py", line, native, overheads)
    return f"`bs build //{PACKAGE}`, one line changed", ours, "`compileall`", theirs


def code_change(
    root: Path,
    package: str,
    file: str,
    line: str,
    native: Callable[[], object],
    overheads: list[float],
) -> tuple[float, float]:
    """Medians of both while the file's last line changes; adds what `bs` took beside BuildKit."""
    source = root / package / file
    original = source.read_text()
    took: list[tuple[float, str]] = []

    def timed() -> None:
        started = time.perf_counter()
        report = build(root, f"//{package}", solves=1)
        took.append((time.perf_counter() - started, report["targets"][0]["layers"][-1]["key"]))

    medians = alternate(
        lambda number: source.write_text(f"{original}\n{line.format(number)}"), timed, native
    )
    source.write_text(original)
    solves = solves_s()
    overheads += [seconds - solves[key[:16]] for seconds, key in took[1:]]
    return medians


def solves_s() -> dict[str, float]:
    """Seconds that BuildKit worked, by its own history, for each key that a solve is named by."""
    engine = Machine(os.environ, Silent()).locator().engine()
    command = [engine.buildctl, "--addr", engine.address, "debug", "histories"]
    listed = subprocess.run(
        [*command, "--format", "{{json .}}"], check=True, capture_output=True, text=True
    ).stdout
    records = [json.loads(line)["record"] for line in listed.splitlines()]
    return {
        record["FrontendAttrs"]["dockerfilekey"].rpartition("-")[2]: unix_time(
            record["CompletedAt"]
        )
        - unix_time(record["CreatedAt"])
        for record in records
        if record.get("CompletedAt") and "dockerfilekey" in record.get("FrontendAttrs", {})
    }


def unix_time(stamp: dict[str, int]) -> float:
    return stamp["seconds"] + stamp.get("nanos", 0) / 1e9


class Silent:
    """Of finding the engine, nothing has to be said."""

    def emit(self, event: object) -> None: ...


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


def build(root: Path, pattern: str, *, solves: int) -> dict[str, Any]:
    """The report. Raises ValueError when BuildKit was not called exactly `solves` times."""
    report: dict[str, Any] = json.loads(bs(root, "build", pattern, "--json"))
    if report["engine"]["solves"] != solves:
        raise ValueError(f"{pattern}: expected {solves} solves, not {report['engine']}")
    return report


def bs(root: Path, *arguments: str) -> bytes:
    """What the command printed on stdout."""
    command = shutil.which("bs", path=os.path.dirname(sys.executable)) or "bs"
    return subprocess.run([command, *arguments], cwd=root, check=True, capture_output=True).stdout


def lines(rows: list[Row], overheads: list[float]) -> Iterator[str]:
    yield f"`make bench` on {machine()} Medians of {ROUNDS}, whole processes, both in the same run."
    yield ""
    cells = (
        (what, f"{ours:.3f}", peer, f"{theirs:.3f}", f"{ours / theirs:.1f}")
        for what, ours, peer, theirs in rows
    )
    yield from table(("what", "s", "against", "s", "ratio"), cells)
    yield ""
    yield (
        "Of a code change's time, what `bs` takes beside BuildKit's work (its start, keys, sealing, buildctl,"
        f" the move into the store): {statistics.median(overheads):.2f} s, the median of {len(overheads)}."
    )


if __name__ == "__main__":
    main()
