"""`bs cache`."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated

import typer

from buildsys.cli import context
from buildsys.cli.build import JSON, Patterns
from buildsys.errors import MachineError, UsageError
from buildsys.reporting.documents import dumped

app = typer.Typer(no_args_is_help=True, help="The cache that a team shares in a registry.")


@app.command()
def publish(patterns: Patterns = None) -> int:
    """Put into the shared cache what is stored here of targets; what is there already stays as it is."""
    session = context.session(cache="remote:rw")
    if session.caches.shared is None:
        raise _unnamed()
    labels = session.select(tuple(patterns or ()))
    targets, _ = session.caches.keyed(session.bases(), partial(session.keyed, labels))
    count = session.caches.share(targets, session.workspace.settings.bases)
    if session.machine.said:
        raise MachineError("not everything could be shared", hint="the warnings say why")
    context.say(f"{count} results are in the shared cache")
    return 0


@app.command()
def gc(
    keep_builds: Annotated[
        int, typer.Option("--keep-builds", min=0, help="Keep what the last builds need.")
    ] = 20,
    min_age: Annotated[
        float, typer.Option("--min-age", min=0, metavar="HOURS", help="Keep what is younger.")
    ] = 24.0,
    dry_run: Annotated[
        bool, typer.Option("-n", "--dry-run", help="Only say what would be removed.")
    ] = False,
    json: JSON = False,
) -> int:
    """Remove from the shared cache what neither a branch, a tag nor one of the last builds needs."""
    from buildsys.registry.collecting import Keep, collect  # noqa: PLC0415
    from buildsys.registry.opening import open_to_remove  # noqa: PLC0415
    from buildsys.workspace.branches import standing_on, tips  # noqa: PLC0415

    session = context.session()
    settings = session.caches.shared_settings
    if not settings.registry:
        raise _unnamed()
    commits = tips(session.root)
    keep = Keep(
        lambda built: standing_on(session.root, commits, built),
        keep_builds,
        timedelta(hours=min_age),
    )
    client = open_to_remove(settings, session.machine.environment)
    done = collect(client, keep, datetime.now(UTC), dry_run=dry_run)
    if json:
        context.say(dumped(asdict(done)))
        return 0
    would = "would be removed" if dry_run else "removed"
    context.say(
        f"{len(done.results)} results and {len(done.builds)} builds {would};"
        f" {done.kept_results} and {done.kept_builds} stay in {client.repository}"
    )
    return 0


@app.command()
def keygen(
    path: Annotated[str, typer.Argument(metavar="FILE", help="Where the private key goes.")],
) -> int:
    """Make a key that results are signed by, and print the public one for BUILD.yaml."""
    from buildsys.registry.signing import write_key  # noqa: PLC0415

    context.say(write_key(path).public)
    return 0


def _unnamed() -> UsageError:
    return UsageError(
        "no shared cache is named",
        hint="see `cache` in docs/build-files.md, or set BS_CACHE_REGISTRY",
    )
