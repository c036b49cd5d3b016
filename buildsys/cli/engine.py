"""`bs engine start|stop|status`."""

import os

import typer

from buildsys.cli import context

app = typer.Typer(help="The BuildKit that does the work.", no_args_is_help=True)


@app.command()
def start() -> int:
    """Find BuildKit, or start a private one."""
    engine = context.machine().locator().engine()
    context.say(f"{engine.kind} BuildKit at {engine.address}")
    return 0


@app.command()
def stop() -> int:
    """Stop the BuildKit that bs started; its cache and the store stay."""
    from buildsys.engine.docker_engine import remove_container  # noqa: PLC0415

    stopped = context.machine().daemon.stop()
    removed = remove_container(dict(os.environ))
    context.say("stopped" if stopped or removed else "not running")
    return 0


@app.command()
def status() -> int:
    """Say whether the private BuildKit runs, and where its log is."""
    daemon = context.machine().daemon
    if daemon.running():
        context.say(f"running at {daemon.address}; log: {daemon.log}")
    else:
        context.say("not running")
    return 0
