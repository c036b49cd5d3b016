"""`bs profile`."""

from typing import Annotated

import typer

from buildsys.cli import context
from buildsys.cli.build import JSON
from buildsys.errors import UsageError


def register(app: typer.Typer) -> None:
    app.command("profile")(profile)


def profile(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="What `bs build --profile FILE` wrote.")
    ],
    json: JSON = False,
    top: Annotated[int, typer.Option("--top", min=1, help="Rows of each table.")] = 15,
) -> int:
    """Say where the time of a build went: by phase, by layer, in BuildKit; and its critical path."""
    from buildsys.reporting.documents import dumped  # noqa: PLC0415
    from buildsys.reporting.profile import profile_of  # noqa: PLC0415
    from buildsys.reporting.profile_tables import profile_document, profile_lines  # noqa: PLC0415
    from buildsys.reporting.trace_format import NotATrace, decode  # noqa: PLC0415

    try:
        with open(file, encoding="utf-8") as opened:
            found = profile_of(decode(opened.read()))
    except OSError as error:
        raise UsageError(f"can't read {file}: {error.strerror}", hint=_HINT) from None
    except UnicodeDecodeError:
        raise UsageError(f"{file} is no trace: not UTF-8", hint=_HINT) from None
    except NotATrace as error:
        raise UsageError(f"{file} is no trace: {error}", hint=_HINT) from None
    if json:
        context.say(dumped(profile_document(found)))
    else:
        context.say("\n".join(profile_lines(found, top=top, colour=context.coloured())))
    return 0


_HINT = "make one by `bs build --profile FILE`"
