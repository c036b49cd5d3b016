"""A value out of a JSON document, by a path like `items.0.name`, `$.items[0]` or `items.*.name`."""

import re
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from agent_runner.errors import ToolFailed
from agent_runner.tools.tool import Arguments, Tool

_KEY = re.compile(r"[^.\[\]]+")


class JsonExtractArguments(Arguments, frozen=True):
    document: Annotated[Any, Meta(description="a JSON value, or a text that is one")]
    path: Annotated[str, Meta(max_length=1000, description="like `items.0.name`; `*` for each")]


def extract(arguments: JsonExtractArguments) -> Any:
    document = arguments.document
    if isinstance(document, str):
        try:
            document = msgspec.json.decode(document)
        except (msgspec.DecodeError, RecursionError) as error:
            raise ToolFailed("invalid_document", f"the document is not JSON: {error}") from None
    keys = _KEY.findall(arguments.path)
    if keys[:1] == ["$"]:
        keys = keys[1:]
    return _follow(document, keys)


JSON_EXTRACT = Tool(
    name="json_extract",
    description="Takes a value out of a JSON document by its path",
    arguments=JsonExtractArguments,
    run=extract,
)


def _follow(value: Any, keys: list[str]) -> Any:
    for position, key in enumerate(keys):
        if key == "*":
            return [_follow(element, keys[position + 1 :]) for element in _elements(value)]
        value = _child(value, key)
    return value


def _elements(value: Any) -> list[Any]:
    match value:
        case list():
            return value
        case dict():
            return list(value.values())
        case _:
            raise ToolFailed("not_found", f"`*` needs a list or an object, not {_kind(value)}")


def _child(value: Any, key: str) -> Any:
    match value:
        case dict() if key in value:
            return value[key]
        case list() if key.isascii() and key.isdigit() and int(key) < len(value):
            return value[int(key)]
        case _:
            raise ToolFailed("not_found", f"no `{key}` in {_kind(value)}")


def _kind(value: Any) -> str:
    match value:
        case dict():
            return (
                f"an object of {', '.join(f'`{key}`' for key in sorted(value)[:20]) or 'nothing'}"
            )
        case list():
            return f"a list of {len(value)}"
        case _:
            return msgspec.json.encode(value).decode()[:80]
