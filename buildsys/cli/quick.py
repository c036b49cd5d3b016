"""The usual forms of `bs build` and `bs status`, read without typer, which takes 0.3 s to import.

Whatever isn't plainly understood here is left to typer, which knows all options and says what is wrong.
"""

from collections.abc import Callable, Mapping

_FLAGS = {
    "build": {
        "--json": "json", "-k": "keep_going", "--keep-going": "keep_going", "--force": "force",
        "-n": "dry_run", "--dry-run": "dry_run",
    },
    "status": {"--json": "json", "--explain": "explain", "--exit-code": "exit_code"},
}  # fmt: skip

_VALUES = {
    "build": {
        "--profile": "profile", "--summary": "summary", "--report": "report",
        "--code-quality": "code_quality", "--cache": "cache",
    },
    "status": {"--cache": "cache"},
}  # fmt: skip
"""Options with a value. A profile that was made by way of typer would show typer, which builds do without."""


def quick_command(arguments: list[str], environment: Mapping[str, str]) -> Callable[[], int] | None:
    """The command, if `arguments` are of a form understood here and no variable sets an option."""
    command, *rest = arguments or [""]
    if command not in _FLAGS or any(n.startswith(f"BS_{command.upper()}_") for n in environment):
        return None
    chosen: dict[str, bool | str] = {}
    patterns: list[str] = []
    left = iter(rest)
    for argument in left:
        name, joined, value = argument.partition("=")
        if name in _VALUES[command]:
            value = value if joined else next(left, "")
            if not value or value.startswith("-"):
                return None
            chosen[_VALUES[command][name]] = value
        elif argument in _FLAGS[command]:
            chosen[_FLAGS[command][argument]] = True
        elif argument.startswith("-") or not argument:
            return None
        else:
            patterns.append(argument)
    return _bound(tuple(arguments), tuple(patterns), chosen)


def _bound(
    arguments: tuple[str, ...], patterns: tuple[str, ...], chosen: dict[str, bool | str]
) -> Callable[[], int]:
    from buildsys.cli import choices, commands  # noqa: PLC0415 - not for a form that typer reads

    if arguments[0] == "build":
        build = choices.BuildChoices(patterns, asked=arguments, **chosen)  # type: ignore[arg-type]
        return lambda: commands.run_build(build)
    status = choices.StatusChoices(patterns, asked=arguments, **chosen)  # type: ignore[arg-type]
    return lambda: commands.run_status(status)
