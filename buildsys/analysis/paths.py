"""Paths of the workspace as text: relative, with `/`, and `""` for the workspace itself."""

import posixpath
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from buildsys.model.sources import SourceTree


def join(folder: str, relative: str) -> str:
    """`relative`, as seen from `folder`; neither may have `..`."""
    return f"{folder}/{relative}" if folder and relative else folder or relative


def resolve(folder: str, relative: str) -> str | None:
    """Where `relative` leads from `folder`; nothing if that is outside the workspace."""
    path = posixpath.normpath(posixpath.join(folder, relative))
    if path == ".":
        return ""
    return None if path == ".." or path.startswith(("../", "/")) else path


def parent(path: str) -> str:
    return path.rpartition("/")[0]


def upwards(folder: str) -> "Iterator[str]":
    """`folder`, the folder around it, and so on up to the workspace."""
    while folder:
        yield folder
        folder = parent(folder)
    yield ""


def is_below(path: str, folder: str) -> bool:
    """Whether `path` is `folder` or something in it."""
    return not folder or path == folder or path.startswith(folder + "/")


def nearest(tree: "SourceTree", folder: str, name: str) -> str | None:
    """The first folder from `folder` upwards that has a file of that name."""
    return next((above for above in upwards(folder) if tree.is_file(join(above, name))), None)


def place(text: str, offset: int) -> tuple[int, int]:
    """Line and column of an offset, counted from 1."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def matches(pattern: str, name: str) -> bool:
    """Whether one path element matches a pattern with `*`, `?`, `[a-z]` and `[^a]`.

    A backslash makes the next character literal, and so is a class that isn't closed.
    """
    try:
        return re.fullmatch(_expression(pattern), name, re.DOTALL) is not None
    except re.error:  # a range that runs backwards
        return pattern == name


_PARTS = re.compile(r"(\*)|(\?)|\[([\^!]?)((?:\\.|[^\]\\])+)\]|\\(.)|(.)", re.DOTALL)


def _expression(pattern: str) -> str:
    return "".join(_part(found) for found in _PARTS.finditer(pattern))


def _part(found: re.Match[str]) -> str:
    star, question, negated, members, escaped, literal = found.groups()
    if star:
        return "[^/]*"
    if question:
        return "[^/]"
    if members is not None:
        return f"[{'^' if negated else ''}{_members(members)}]"
    return re.escape(escaped or literal)


def _members(text: str) -> str:
    return re.sub(r"\\(.)|([\[\]^&~|])", lambda found: "\\" + (found[1] or found[2]), text)
