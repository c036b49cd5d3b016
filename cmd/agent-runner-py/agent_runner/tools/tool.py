"""A tool: a function with arguments that are checked before it is called."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from agent_runner.errors import ToolFailed


class Arguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of every tool's arguments; the tool's JSON schema is derived from its fields."""


@dataclass(frozen=True, slots=True)
class Tool:
    name: str
    description: str
    arguments: type[Arguments]
    run: Callable[[Any], Any]

    def describe(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "description": self.description,
            "parameters": _schema(self.arguments),
        }


def call_tool(tools: Sequence[Tool], name: str, arguments: Mapping[str, Any]) -> Any:
    """Raise ToolFailed when the tool isn't offered, or refuses its arguments or their values."""
    tool = next((tool for tool in tools if tool.name == name), None)
    if tool is None:
        raise ToolFailed("unknown_tool", f"no tool `{name}` is offered")
    try:
        checked = msgspec.convert(arguments, tool.arguments)
    except msgspec.ValidationError as error:
        raise ToolFailed("invalid_arguments", str(error)) from None
    return tool.run(checked)


def _schema(arguments: type[Arguments]) -> dict[str, Any]:
    """The schema itself; msgspec would wrap it in a reference to a named definition."""
    _, definitions = msgspec.json.schema_components([arguments])
    schema = dict(definitions[arguments.__name__])
    del schema["title"]
    return schema
