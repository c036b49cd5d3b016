"""A BUILD.yaml as nodes that know their place, and as plain values that can be remembered."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias, cast

from buildsys.errors import BuildFileError, Location

Plain: TypeAlias = Sequence["str | int | Sequence[Plain]"]
"""`(tag, line, column, text)`, or `(tag, line, column, nodes)`, with keys and values in turn for a
mapping, or what is wrong with the file: `(tag, line, column, message, hint)`."""

TEXT = "t"
QUOTED = "q"
ITEMS = "s"
ENTRIES = "m"
ERROR = "e"

_SHOWN = 60
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_WORDS: Mapping[str, bool | None] = MappingProxyType(
    {"true": True, "false": False, "null": None, "~": None, "": None}
)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value; `text` is as written, without quotes."""

    text: str
    quoted: bool
    at: Location

    @property
    def value(self) -> str | int | bool | None:
        """What YAML 1.2 means by it, no more: `no`, `1.10`, `22:22`, `0123` and dates are text."""
        if self.quoted:
            return self.text
        if self.text in _WORDS:
            return _WORDS[self.text]
        return int(self.text) if _INTEGER.fullmatch(self.text) else self.text

    @property
    def missing(self) -> bool:
        """Nothing is written at all, not even `null`."""
        return not self.text and not self.quoted


@dataclass(frozen=True, slots=True)
class Items:
    """A YAML sequence."""

    nodes: tuple["Node", ...]
    at: Location


@dataclass(frozen=True, slots=True)
class Entries:
    """A YAML mapping; keys are unique texts, and keep their order."""

    nodes: Mapping[str, "Node"]
    keys: Mapping[str, Location]
    at: Location


Node: TypeAlias = Scalar | Items | Entries


def shown(text: str) -> str:
    """`text` for a message: in backticks, not too long, nothing in it that steers a terminal."""
    line = "".join(one if one.isprintable() else _escaped(one) for one in text[: _SHOWN + 1])
    return f"`{line[:_SHOWN]}…`" if len(line) > _SHOWN else f"`{line}`"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def node_of(plain: Plain, path: str) -> Node:
    """The node that stands in file `path`.

    Raises:
        BuildFileError: `plain` says what is wrong with the file.
    """
    tag, line, column, content = plain[:4]
    at = Location(path, cast("int", line), cast("int", column))
    if tag == ERROR:
        raise BuildFileError(str(content), at=at, hint=str(plain[4]))
    if isinstance(content, str):
        return Scalar(content, tag == QUOTED, at)
    nodes = cast("Sequence[Plain]", content)
    if tag == ITEMS:
        return Items(tuple(node_of(node, path) for node in nodes), at)
    return _entries(nodes, path, at)


def _entries(nodes: Sequence[Plain], path: str, at: Location) -> Entries:
    values: dict[str, Node] = {}
    keys: dict[str, Location] = {}
    for key, value in zip(nodes[::2], nodes[1::2], strict=True):
        _, line, column, name = cast("tuple[str, int, int, str]", key)
        values[name] = node_of(value, path)
        keys[name] = Location(path, line, column)
    return Entries(values, keys, at)
