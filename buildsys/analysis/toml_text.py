"""TOML in its one form: the same text for the same data, however it was laid out and commented."""

import re
from typing import Any, TypeAlias

from buildsys.analysis.paths import place

Table: TypeAlias = dict[str, Any]


class TomlTextReader:
    """Reads a TOML file into its one form; what isn't TOML stays as it is, for its own tool to refuse."""

    name = "toml-text/1"

    def read(self, text: str) -> str:
        found, failure = parsed(text)
        return text if failure else written(found)


def parsed(text: str) -> tuple[Table, tuple[str, int, int] | None]:
    """The data, or why it isn't TOML: message, line, column."""
    # Most calls find what was read of a file remembered.
    import tomllib  # noqa: PLC0415

    try:
        return tomllib.loads(text), None
    except tomllib.TOMLDecodeError as error:
        return {}, _failure(str(error), text)


def written(table: Table) -> str:
    """The one text of some data; keys are sorted, arrays aren't."""
    import tomli_w  # noqa: PLC0415 - likewise

    return tomli_w.dumps(_sorted(table))


def table_of(parent: Table, key: str) -> Table:
    """A table inside another; an empty one if it isn't there, or is something else."""
    value = parent.get(key)
    return value if isinstance(value, dict) else {}


def without(table: Table, *keys: str) -> Table:
    return {key: value for key, value in table.items() if key not in keys}


def _sorted(value: Any) -> Any:  # noqa: ANN401 - whatever TOML has
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(one) for one in value] if isinstance(value, list) else value


def _failure(message: str, text: str) -> tuple[str, int, int]:
    found = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", message)
    if not found:
        return message, 0, 0
    reason = message[: found.start()]
    return (reason, int(found[1]), int(found[2])) if found[1] else (reason, *place(text, len(text)))
