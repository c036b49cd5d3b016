"""The command line: its commands, and the one place where errors become messages and exit codes."""

import os
import sys
import traceback

import typer

from buildsys.cli import bases, build, engine, inspect, state
from buildsys.errors import BuildsysError, Interrupted

app = typer.Typer(
    name="bs",
    help="Builds the container images of a monorepo: only what changed, from content-hashed layers.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"auto_envvar_prefix": "BS", "help_option_names": ["-h", "--help"]},
)
build.register(app)
state.register(app)
inspect.register(app)
app.add_typer(engine.app, name="engine")
app.add_typer(bases.app, name="bases")

INTERNAL = 37


def run(arguments: list[str]) -> int:
    """Run one command; returns the exit code."""
    try:
        result = app(arguments, standalone_mode=False)
    except BuildsysError as error:
        complain(error)
        return error.exit_code
    except typer.Exit as stop:
        return stop.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return Interrupted.exit_code
    except BrokenPipeError:
        # Whoever read the output has seen enough; Python would complain about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - the last resort: a bug gets a code and a report too
        return _usage(error) if hasattr(error, "format_message") else _bug(error)
    return result if isinstance(result, int) else 0


def complain(error: BuildsysError) -> None:
    print(f"bs: {error}", file=sys.stderr)
    if error.hint:
        print(f"    {error.hint}", file=sys.stderr)


def _usage(error: Exception) -> int:
    print(f"bs: {error.format_message()}", file=sys.stderr)  # type: ignore[attr-defined]
    print("    see `bs --help`", file=sys.stderr)
    return 2


def _bug(error: Exception) -> int:
    print(f"bs: BUG: {type(error).__name__}: {error}", file=sys.stderr)
    if os.environ.get("BS_DEBUG"):
        traceback.print_exception(error)
    else:
        print("    please report it, with what `BS_DEBUG=1 bs …` prints", file=sys.stderr)
    return INTERNAL
