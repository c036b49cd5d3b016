"""`bs status`, `bs clean`, `bs doctor`, `bs schema`."""

import json as json_module
from typing import Annotated

import typer

from buildsys.cli import context
from buildsys.cli.build import JSON, Patterns
from buildsys.execution.lookup import LayerState
from buildsys.reporting.documents import dumped, status_document
from buildsys.reporting.tables import status_lines
from buildsys.reporting.text import size

STALE = 1
ERROR = 2


def register(app: typer.Typer) -> None:
    app.command("status")(status)
    app.command("clean")(clean)
    app.command("doctor")(doctor)
    app.command("schema")(schema)


def status(
    patterns: Patterns = None,
    json: JSON = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say why, for each layer that isn't fresh.")
    ] = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="0 all fresh, 1 something stale, 2 error.")
    ] = False,
) -> int:
    """Say which layers of which targets are fresh; builds nothing, asks no engine."""
    session = context.session()
    targets = session.status(session.select(tuple(patterns or ())))
    if json:
        context.say(dumped(status_document(session.workspace.settings.name, targets)))
    else:
        context.say("\n".join(status_lines(targets, explain=explain, colour=context.coloured())))
    stale = any(target.state is not LayerState.FRESH for target in targets)
    return STALE if exit_code and stale else 0


def clean(
    everything: Annotated[
        bool, typer.Option("--all", help="Remove the whole store, with bases and records.")
    ] = False,
) -> int:
    """Remove blobs that no record needs: sealed sources, damaged and left-over layers."""
    store = context.machine().store
    freed = store.remove_all() if everything else store.clean()
    context.say(f"{size(freed)} freed in {store.layout}")
    return 0


def doctor() -> int:
    """Say what this machine has for building, what it lacks, and what to do about it."""
    from buildsys.cli.examination import examine  # noqa: PLC0415

    findings = examine(context.machine())
    for finding in findings:
        context.say(f"{'ok ' if finding.well else 'MISSING'} {finding.what}")
        if finding.remedy:
            context.say(f"        {finding.remedy}")
    return 0 if all(finding.well or finding.optional for finding in findings) else 36


def schema() -> int:
    """Print the JSON Schema of BUILD.yaml files."""
    from buildsys.loading.schema import json_schema  # noqa: PLC0415
    from buildsys.rules.registry import RULES  # noqa: PLC0415

    context.say(json_module.dumps(json_schema(RULES), indent=2))
    return 0
