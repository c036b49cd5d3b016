"""`bs clean`, `bs doctor`, `bs schema`."""

import json as json_module
from typing import Annotated

import typer

from buildsys.cli import context
from buildsys.reporting.text import size


def register(app: typer.Typer) -> None:
    app.command("clean")(clean)
    app.command("doctor")(doctor)
    app.command("schema")(schema)


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

    findings = examine(context.session())
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
