"""Serving, and stopping without losing a step."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from agent_runner.lifecycle import Lifecycle
from agent_runner.settings import Settings

_log = logging.getLogger(__name__)
# Long enough to write out answers that are ready.
_CLOSING_S = 1


class Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are ours: uvicorn would end the process by the signal instead of with exit 0."""
        yield


async def serve(app: ASGIApp, lifecycle: Lifecycle, settings: Settings) -> None:
    """Return once SIGTERM or SIGINT was obeyed.

    Between the signal and the end of the last step the port stays open: /health tells that the
    service is stopping, and new steps are refused, so that a runner takes them elsewhere.
    """
    server = Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=_CLOSING_S,
        )
    )
    asked_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked_to_stop.set)

    async def stop_when_asked() -> None:
        await asked_to_stop.wait()
        _log.info("stopping")
        lifecycle.stop()
        if not await lifecycle.wait_until_idle(settings.shutdown_timeout_s):
            _log.warning("stopped with steps in flight")
        server.should_exit = True

    stopping = asyncio.create_task(stop_when_asked())
    _log.info("listening", extra={"fields": {"host": settings.host, "port": settings.port}})
    await server.serve()
    await stopping
    _log.info("stopped")
