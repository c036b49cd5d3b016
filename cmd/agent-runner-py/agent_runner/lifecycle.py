"""Whether the service still takes work, and how much of it is being done."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from agent_runner.errors import RequestRefused


class Lifecycle:
    def __init__(self) -> None:
        self.stopping = False
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def stop(self) -> None:
        self.stopping = True

    @contextmanager
    def working(self) -> Iterator[None]:
        """Raise RequestRefused once the service is stopping."""
        if self.stopping:
            raise RequestRefused(503, "stopping", "this agent runner is shutting down")
        self._in_flight += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._in_flight -= 1
            if self._in_flight == 0:
                self._idle.set()

    async def wait_until_idle(self, timeout_s: float) -> bool:
        try:
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True
