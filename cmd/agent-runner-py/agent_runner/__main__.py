"""`python -m agent_runner`: serve until told to stop."""

import asyncio
import os
import sys

from agent_runner.app import AgentRunner, build_app
from agent_runner.builtin.model import BuiltinModel
from agent_runner.lifecycle import Lifecycle
from agent_runner.logs import configure_logs
from agent_runner.server import serve
from agent_runner.settings import Settings, read_settings
from agent_runner.tools import TOOLS


def main() -> None:
    try:
        settings = read_settings(os.environ)
    except ValueError as error:
        sys.exit(str(error))
    configure_logs(settings.log_level)
    asyncio.run(_run(settings))


async def _run(settings: Settings) -> None:
    lifecycle = Lifecycle()
    runner = AgentRunner(TOOLS, {"builtin": BuiltinModel()}, lifecycle, settings.max_body_bytes)
    await serve(build_app(runner), lifecycle, settings)


if __name__ == "__main__":
    main()
