"""Made-up engines that answer, solve and die as they are told, and a solver on them."""

from collections.abc import Callable
from dataclasses import dataclass, field

from buildsys.engine.address import NAMED, Engine, EngineLost
from buildsys.engine.failover import FailoverSolver
from buildsys.engine.pool import EnginePool
from buildsys.execution.ports import Progress, SolveRequest
from buildsys.execution.rendezvous import ranked
from buildsys.model.digest import ImageDigest
from tests.fakes import RecordingProgress

DIGEST = ImageDigest("sha256:" + "1" * 64)
KEY = "the key of a dependency layer"


@dataclass
class MadeUpEngines:
    """The ports `EngineSource` and `EngineSolver`: engines that answer, solve and die as they are told."""

    count: int = 3
    dead: dict[str, str] = field(default_factory=dict)
    """Address → what is seen of it."""
    on_solve: Callable[[str], None] = lambda _address: None
    """Called with the engine's address in the middle of a solve; may let it die, block or raise."""
    asked: list[str] = field(default_factory=list)
    solved: list[str] = field(default_factory=list)
    cancelled: bool = False

    @property
    def addresses(self) -> list[str]:
        return [f"tcp://engine-{number}:1" for number in range(self.count)]

    @property
    def best_first(self) -> tuple[str, ...]:
        return ranked(KEY, self.addresses)

    def engines(self) -> tuple[Engine, ...]:
        return tuple(Engine(address, "buildctl", NAMED) for address in self.addresses)

    def problem(self, engine: Engine) -> str:
        self.asked.append(engine.address)
        return self.dead.get(engine.address, "")

    def solve(self, engine: Engine, request: SolveRequest, progress: Progress) -> ImageDigest:
        self._lost_if_dead(engine)
        progress.step(request.stage)
        self.on_solve(engine.address)
        self._lost_if_dead(engine)
        self.solved.append(engine.address)
        return DIGEST

    def cancel(self) -> None:
        self.cancelled = True

    def _lost_if_dead(self, engine: Engine) -> None:
        if engine.address in self.dead:
            raise EngineLost(f"went away: {self.dead[engine.address]}")


@dataclass
class Place:
    """A solver on made-up engines."""

    engines: MadeUpEngines
    limit: int | None = None
    warnings: list[str] = field(default_factory=list)
    progress: RecordingProgress = field(default_factory=RecordingProgress)

    def __post_init__(self) -> None:
        pool = EnginePool(self.engines, self.limit, self.warnings.append)
        self.solver = FailoverSolver(pool, self.engines)

    def solve(self, affinity: str = KEY, folder: str = "/nowhere") -> ImageDigest:
        request = SolveRequest("image-1", "", "image", "", {}, "", folder, affinity=affinity)
        return self.solver.solve(request, self.progress)


def dying(engines: MadeUpEngines, *doomed: str) -> Callable[[str], None]:
    """Lets engines die in the middle of their first solve."""

    def on_solve(address: str) -> None:
        if address in doomed:
            engines.dead[address] = "EOF"

    return on_solve
