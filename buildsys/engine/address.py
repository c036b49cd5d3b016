"""An engine: where a BuildKit listens, and the buildctl that speaks to it."""

from dataclasses import dataclass
from typing import Protocol

from buildsys.errors import MachineError

NAMED = "named"
"""The kind of an engine that somebody else runs and that bs was told of."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A BuildKit. `kind` says how it was found; one that was only named may not be there."""

    address: str
    buildctl: str
    kind: str
    security: tuple[str, ...] = ()
    """Options of buildctl: our certificate, and whom to trust."""

    @property
    def command(self) -> tuple[str, ...]:
        """What each call of this engine begins with."""
        return (self.buildctl, "--addr", self.address, *self.security)


class EngineLost(MachineError):
    """An engine went away during a solve, or doesn't answer: another one may do the same."""


class EngineSource(Protocol):
    """Finds or starts engines, once."""

    def engines(self) -> tuple[Engine, ...]:
        """All that may be used, of which some may be out of order; the first call may take minutes.

        Raises:
            MachineError: no BuildKit can be had; the hint says what to do.
        """

    def problem(self, engine: Engine) -> str:
        """Why an engine can't be used just now; "" if it answers."""
