"""A circuit breaker: who is in trouble isn't asked again in this process."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from buildsys.registry.trouble import RegistryTrouble

MOST_FAILURES = 3
"""In a row. No answer, a refusal or a wrong way is enough by itself: the next one would be the same."""
_SERVERS_OWN = range(500, 600)


@dataclass(slots=True)
class Breaker:
    """Open for good once there was trouble enough; says so once."""

    what: str
    warn: Callable[[str], None]
    is_open: bool = False
    _failures: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def failed(self, trouble: RegistryTrouble) -> None:
        with self._lock:
            self._failures += 1
            enough = trouble.status not in _SERVERS_OWN or self._failures >= MOST_FAILURES
        if enough:
            hint = f" ({trouble.hint})" if trouble.hint else ""
            self.trip(f"{trouble}{hint}")

    def worked(self) -> None:
        self._failures = 0

    def trip(self, why: str) -> None:
        with self._lock:
            was_open, self.is_open = self.is_open, True
        if not was_open:
            self.warn(f"{self.what} for the rest of this build: {why}")
