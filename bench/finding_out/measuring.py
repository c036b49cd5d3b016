"""Whole processes, timed in turn: each round runs every command once, so that all meet the same machine."""

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ENOUGH_S = 60.0
"""Rounds end early when they have taken this long, but not before there are three."""
_FEW = 3


@dataclass(frozen=True)
class Run:
    """A command that is measured; `before` each run, untimed, the scene is set."""

    argv: Sequence[str]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    before: Callable[[], object] = lambda: None

    def once(self) -> tuple[float, float, bytes]:
        """Seconds, the most memory of any of its processes in MB, and what it printed.

        Raises:
            ValueError: it failed.
        """
        self.before()
        environment = dict(os.environ) | dict(self.environment)
        started = time.perf_counter()
        with subprocess.Popen(
            self.argv,
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            assert process.stdout is not None
            said = process.stdout.read()
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        taken = time.perf_counter() - started
        if process.returncode != 0:
            raise ValueError(f"`{' '.join(self.argv)}` in {self.folder}: {process.returncode}")
        return taken, used.ru_maxrss / 1024, said


@dataclass(frozen=True)
class Figure:
    """What some runs of one command came to."""

    median_s: float
    least_s: float
    memory_mb: float
    runs: int


def in_turn(runs: Mapping[str, Run], rounds: int) -> dict[str, Figure]:
    """The figures of each command, after one round that warms up."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    memory: dict[str, float] = dict.fromkeys(runs, 0.0)
    begun = time.monotonic()
    for number in range(rounds + 1):
        for name, run in runs.items():
            seconds, peak, _ = run.once()
            if number:
                taken[name].append(seconds)
                memory[name] = max(memory[name], peak)
        if number >= min(_FEW, rounds) and time.monotonic() - begun > ENOUGH_S:
            break
    return {
        name: Figure(statistics.median(each), min(each), memory[name], len(each))
        for name, each in taken.items()
    }
