"""What a node has to be: mappings with known keys, lists, texts, each with a precise refusal."""

import re
from collections.abc import Callable, Collection
from typing import Never, TypeVar

from buildsys.errors import BuildFileError
from buildsys.loading.nodes import Entries, Items, Node, Scalar, shown
from buildsys.loading.suggestions import nearest_or_all

T = TypeVar("T")

_CONTROL = re.compile(r"[\x00-\x1f\x7f\x80-\x9f\u2028\u2029]")


def refuse(node: Node, message: str, hint: str = "") -> Never:
    raise BuildFileError(message, at=node.at, hint=hint)


def described(node: Node) -> str:
    """What stands there, for a message."""
    match node:
        case Items():
            return "a list"
        case Entries():
            return "a mapping"
        case Scalar():
            return (
                "nothing" if node.missing else shown(f'"{node.text}"' if node.quoted else node.text)
            )


def entries(node: Node, name: str, example: str) -> Entries:
    if not isinstance(node, Entries):
        refuse(node, f"`{name}` has to be a mapping, not {described(node)}", f"write {example}")
    return node


def known_entries(node: Node, name: str, known: Collection[str]) -> Entries:
    """A mapping that has no other keys than the known ones."""
    mapping = entries(node, name, f"`{next(iter(known))}: …` below it")
    for key, place in mapping.keys.items():
        if key not in known:
            raise BuildFileError(
                f"`{name}` has no key {shown(key)}", at=place, hint=nearest_or_all(key, known)
            )
    return mapping


def items(node: Node, name: str, read: Callable[[Node, str], T]) -> tuple[T, ...]:
    """A list, each item through `read`."""
    if not isinstance(node, Items):
        hint = f"write `{name}: [{node.text}]`" if isinstance(node, Scalar) and node.text else ""
        refuse(node, f"`{name}` has to be a list, not {described(node)}", hint)
    return tuple(read(item, name) for item in node.nodes)


def is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None


def text(node: Node, name: str) -> str:
    """Text on one line. Numbers are taken as they are written; other words of YAML need quotes.

    `debug: true` would be read differently by every tool, so bs asks what is meant.
    """
    if not isinstance(node, Scalar):
        refuse(node, f"`{name}` has to be text, not {described(node)}")
    if isinstance(node.value, bool) or node.value is None:
        hint = "write a value" if node.missing else f'write `"{node.text}"` if you mean the word'
        refuse(node, f"`{name}` has to be text, not {described(node)}", hint)
    if _CONTROL.search(node.text):
        refuse(
            node, f"`{name}` has a line break or a tab, which can't be part of it", "use one line"
        )
    return node.text


def matching(pattern: re.Pattern[str], expected: str, hint: str = "") -> Callable[[Node, str], str]:
    """A reader of texts that `pattern` matches as a whole."""

    def read(node: Node, name: str) -> str:
        value = text(node, name)
        if not pattern.fullmatch(value):
            refuse(node, f"`{name}` has to be {expected}, not {described(node)}", hint)
        return value

    return read


def flag(node: Node, name: str) -> bool:
    if not isinstance(node, Scalar) or not isinstance(node.value, bool):
        refuse(node, f"`{name}` has to be `true` or `false`, not {described(node)}")
    return node.value


def integer(node: Node, name: str, least: int, most: int) -> int:
    value = node.value if isinstance(node, Scalar) else None
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        refuse(node, f"`{name}` has to be a number from {least} to {most}, not {described(node)}")
    return value
