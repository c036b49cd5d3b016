"""`bs build` and `bs status`: their options."""

from typing import Annotated

import typer

from buildsys.cli.choices import BuildChoices, StatusChoices
from buildsys.cli.commands import run_build, run_status

Patterns = Annotated[
    list[str] | None,
    typer.Argument(help="Targets: //cmd/api, //cmd/..., all, a name, a file; -//x leaves out."),
]
Cache = Annotated[
    str,
    typer.Option(
        "--cache",
        metavar="remote:r|rw|off,local:r|rw|off",
        help="Which caches to use, and how; else what BS_CACHE says, else remote:r,local:rw.",
    ),
]
JSON = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


Summary = Annotated[
    str,
    typer.Option(
        "--summary", metavar="FILE", help="Append a Markdown page; GITHUB_STEP_SUMMARY by default."
    ),
]
CodeQuality = Annotated[
    str,
    typer.Option("--code-quality", metavar="FILE", help="Write what failed as GitLab's report."),
]


def register(app: typer.Typer) -> None:
    app.command("build")(build)
    app.command("status")(status)


def build(
    patterns: Patterns = None,
    json: JSON = False,
    jobs: Annotated[
        int | None, typer.Option("-j", "--jobs", min=1, help="Actions at a time.")
    ] = None,
    keep_going: Annotated[
        bool, typer.Option("-k", "--keep-going", help="Build what a failure doesn't reach.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Build even what is fresh.")] = False,
    dry_run: Annotated[
        bool, typer.Option("-n", "--dry-run", help="Only say what would be built.")
    ] = False,
    events: Annotated[
        str, typer.Option("--events", metavar="FILE", help="Write what happens as JSON lines.")
    ] = "",
    profile: Annotated[
        str, typer.Option("--profile", metavar="FILE", help="Write a trace; see `bs profile`.")
    ] = "",
    summary: Summary = "",
    report: Annotated[
        str,
        typer.Option("--report", metavar="FILE", help="Write which images it came to, as JSON."),
    ] = "",
    code_quality: CodeQuality = "",
    cache: Cache = "",
) -> int:
    """Build the images of targets, and only the layers that are stale."""
    return run_build(
        BuildChoices(
            tuple(patterns or ()),
            json,
            jobs,
            keep_going,
            force,
            dry_run,
            events,
            profile,
            cache,
            summary=summary,
            report=report,
            code_quality=code_quality,
        )
    )


def status(
    patterns: Patterns = None,
    json: JSON = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say why, for each layer that isn't fresh.")
    ] = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="0 all fresh, 1 something stale, 2 error.")
    ] = False,
    cache: Cache = "",
) -> int:
    """Say which layers of which targets are fresh; builds nothing, asks no engine."""
    return run_status(StatusChoices(tuple(patterns or ()), json, explain, exit_code, cache))
