"""Solves on many engines: an action whose engine goes away goes to the next one."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from buildsys.engine.address import Engine, EngineLost
from buildsys.engine.locate import EngineLocator
from buildsys.engine.named import solves_at_once
from buildsys.engine.pool import EnginePool
from buildsys.errors import MachineError
from buildsys.execution.ports import Progress, SolveRequest
from buildsys.model.digest import ImageDigest

NEXT_ENGINES = 2
"""How often an action goes on to another engine: what takes down three of them is more likely the action."""


class EngineSolver(Protocol):
    """Solves on an engine that is given."""

    def solve(self, engine: Engine, request: SolveRequest, progress: Progress) -> ImageDigest:
        """See `Solver.solve`.

        Raises:
            EngineLost: the engine went away, or never was there; the message says what was seen of it.
        """

    def cancel(self) -> None:
        """See `Solver.cancel`."""


@dataclass(frozen=True, slots=True)
class FailoverSolver:
    """The port `Solver`, by engines of a pool."""

    pool: EnginePool
    solver: EngineSolver

    def solve(self, request: SolveRequest, progress: Progress) -> ImageDigest:
        lost: dict[str, str] = {}
        while True:
            with self.pool.lease(request.affinity, lost) as engine:
                progress.engine(engine.address)
                try:
                    return self.solver.solve(engine, request, progress)
                except EngineLost as error:
                    lost[engine.address] = error.message
                    if not self.pool.lost(engine, error.message):
                        raise MachineError(
                            f"BuildKit at {engine.address} {error.message}",
                            hint="try again, or `bs doctor`",
                        ) from None
            if len(lost) > NEXT_ENGINES:
                raise _too_many(request, lost)
            _remove_half_received(request.export_to)

    def cancel(self) -> None:
        self.pool.cancel()
        self.solver.cancel()


def failing_over(
    solver: EngineSolver, locator: EngineLocator, warn: Callable[[str], None]
) -> FailoverSolver:
    """On all engines that are found, each of which gets as many solves at a time as is said of it."""
    return FailoverSolver(EnginePool(locator, solves_at_once(locator.named), warn), solver)


def _remove_half_received(folder: str) -> None:
    """What the engine had begun to send: the next one sends its own from the beginning."""
    shutil.rmtree(os.path.join(folder, "ingest"), ignore_errors=True)


def _too_many(request: SolveRequest, lost: dict[str, str]) -> MachineError:
    said = "".join(f"\n    {address}: {problem}" for address, problem in lost.items())
    return MachineError(
        f"`{request.name}` lost {len(lost)} engines, one after the other:{said}",
        hint="look at their logs: it may be the action itself that takes them down (memory, disk)",
    )
