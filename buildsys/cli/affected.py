"""`bs affected`."""

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from buildsys.cli import context
from buildsys.cli.build import JSON, Patterns
from buildsys.errors import UsageError

if TYPE_CHECKING:
    from buildsys.keys.affected import Affected

MOST_JOBS = 256
"""More jobs than that, GitHub Actions doesn't make of one matrix."""
SOME = 1


class Part(StrEnum):
    """What of a target."""

    IMAGES = "images"
    TESTS = "tests"


def register(app: typer.Typer) -> None:
    app.command("affected")(affected)


def affected(
    patterns: Patterns = None,
    since: Annotated[
        str,
        typer.Option("--since", metavar="REV", help="Compare with the merge base of HEAD and it."),
    ] = "",
    json: JSON = False,
    matrix: Annotated[
        bool, typer.Option("--matrix", help="Print a matrix for GitHub Actions.")
    ] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Say why, for each target.")] = False,
    only: Annotated[
        Part | None, typer.Option("--only", help="Leave out what concerns only the other.")
    ] = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="0 nothing affected, 1 something, 2 error.")
    ] = False,
) -> int:
    """Say which targets a change reaches, by their keys before and after it. Builds nothing, needs no store."""
    from buildsys.comparing import compare  # noqa: PLC0415
    from buildsys.reporting import affected as forms  # noqa: PLC0415
    from buildsys.reporting.documents import dumped  # noqa: PLC0415

    if not since:
        raise UsageError(
            "`bs affected` needs `--since REV`", hint="for example --since origin/main"
        )
    if json and matrix:
        raise UsageError("`--json` and `--matrix` are two forms", hint="choose one")
    session = context.session()
    labels = session.select(tuple(patterns or ()))
    found = compare(session, labels, since)
    if found.obstacle:
        _warn(f"{found.obstacle}: all targets are selected")
    targets = [
        one for one in found.targets if only is None or _concerns(only, one.image, one.tests)
    ]
    if json:
        name = session.workspace.settings.name
        document = forms.affected_document(name, since, found.commit, targets, len(labels))
        context.say(dumped({**document, "removed": [str(label) for label in found.removed]}))
    elif matrix:
        _say_matrix(targets)
    elif targets:
        context.say("\n".join(forms.affected_lines(targets, explain=explain)))
    return SOME if exit_code and targets else 0


def _say_matrix(targets: "list[Affected]") -> None:
    from buildsys.reporting.affected import matrix  # noqa: PLC0415

    if len(targets) > MOST_JOBS:
        _warn(f"{len(targets)} jobs; GitHub Actions makes at most {MOST_JOBS} of one matrix")
    context.say(matrix(targets))


def _concerns(part: Part, image: bool, tests: bool) -> bool:
    return image if part is Part.IMAGES else tests


def _warn(message: str) -> None:
    print(f"warning: {message}", file=sys.stderr)
