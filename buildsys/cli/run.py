"""Runs one command: the one place where errors become messages and exit codes."""

import gc
import os
import sys
import traceback

from buildsys.cli import context
from buildsys.cli.quick import quick_command
from buildsys.errors import BuildsysError, Interrupted

INTERNAL = 37
_OBJECTS = 200_000
"""As many new objects are there before garbage is looked for."""


def run(arguments: list[str]) -> int:
    """Run the command that `arguments` name; returns the exit code."""
    # Values without cycles, many of them, until the process ends: looking for cycles in them is a fifth of it.
    gc.set_threshold(_OBJECTS)
    try:
        quick = quick_command(arguments, os.environ)
        return quick() if quick is not None else _by_typer(arguments)
    except BuildsysError as error:
        context.complain(error)
        return error.exit_code
    except KeyboardInterrupt:
        return Interrupted.exit_code
    except BrokenPipeError:
        # Whoever read the output has seen enough; Python would complain about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - the last resort: a bug gets a code and a report too
        return _bug(error)


def _by_typer(arguments: list[str]) -> int:
    import typer  # noqa: PLC0415 - 300 ms that builds and statuses do without

    from buildsys.cli.app import app  # noqa: PLC0415

    try:
        result = app(arguments, standalone_mode=False)
    except typer.Exit as stop:
        return stop.exit_code
    except typer.Abort:
        return Interrupted.exit_code
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        print(f"bs: {error.format_message()}", file=sys.stderr)
        print("    see `bs --help`", file=sys.stderr)
        return 2
    return result if isinstance(result, int) else 0


def _bug(error: Exception) -> int:
    print(f"bs: BUG: {type(error).__name__}: {error}", file=sys.stderr)
    if os.environ.get("BS_DEBUG"):
        traceback.print_exception(error)
    else:
        print("    please report it, with what `BS_DEBUG=1 bs …` prints", file=sys.stderr)
    return INTERNAL
