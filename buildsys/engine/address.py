"""An engine: where a BuildKit listens, and the buildctl that speaks to it."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Engine:
    """A BuildKit that answers. `kind` says how it was found."""

    address: str
    buildctl: str
    kind: str


class EngineSource(Protocol):
    """Finds or starts the engine, once."""

    def engine(self) -> Engine:
        """The engine; the first call may take minutes, others wait for it.

        Raises:
            MachineError: no BuildKit can be had; the hint says what to do.
        """
