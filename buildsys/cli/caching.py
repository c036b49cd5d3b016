"""`bs cache`."""

from functools import partial
from typing import Annotated

import typer

from buildsys.cli import context
from buildsys.cli.build import Patterns
from buildsys.errors import MachineError, UsageError

app = typer.Typer(no_args_is_help=True, help="The cache that a team shares in a registry.")


@app.command()
def publish(patterns: Patterns = None) -> int:
    """Put into the shared cache what is stored here of targets; what is there already stays as it is."""
    session = context.session(cache="remote:rw")
    if session.caches.shared is None:
        raise UsageError(
            "no shared cache is named",
            hint="see `cache` in docs/build-files.md, or set BS_CACHE_REGISTRY",
        )
    labels = session.select(tuple(patterns or ()))
    targets, _ = session.caches.keyed(session.bases(), partial(session.keyed, labels))
    count = session.caches.share(targets, session.workspace.settings.bases)
    if session.machine.said:
        raise MachineError("not everything could be shared", hint="the warnings say why")
    context.say(f"{count} results are in the shared cache")
    return 0


@app.command()
def keygen(
    path: Annotated[str, typer.Argument(metavar="FILE", help="Where the private key goes.")],
) -> int:
    """Make a key that results are signed by, and print the public one for BUILD.yaml."""
    from buildsys.registry.signing import write_key  # noqa: PLC0415

    context.say(write_key(path).public)
    return 0
