"""`bs engine start|stop|status`."""

import os

import typer

from buildsys.cli import context

app = typer.Typer(help="The BuildKit that does the work.", no_args_is_help=True)


@app.command()
def start() -> int:
    """Find BuildKit, or start a private one."""
    engine = context.locator(context.session()).engine()
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
    """Say which of the named engines answer, or whether the private BuildKit runs and where its log is."""
    session = context.session()
    locator, daemon = context.locator(session), session.machine.daemon
    if locator.named.addresses:
        for address, problem in locator.problems().items():
            context.say(f"{address}: {problem or 'answers'}")
    elif daemon.running():
        context.say(f"running at {daemon.address}; log: {daemon.log}")
    else:
        context.say("not running")
    return 0
