"""`bs doctor`, `bs schema`."""

import json as json_module

import typer

from buildsys.cli import context


def register(app: typer.Typer) -> None:
    app.command("doctor")(doctor)
    app.command("schema")(schema)


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
