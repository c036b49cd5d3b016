"""Words of a Dockerfile: flags, names of heredocs, variables, as BuildKit's lexer reads them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Flag:
    """`--name=value` in front of an instruction's arguments; `written` with its quotes."""

    written: str
    name: str
    value: str


class UnknownExpansionError(ValueError):
    """A `${…}` whose meaning is left to BuildKit; the message is the expression."""


_WORD = re.compile(r"""(?:\\.|"(?:\\.|[^"\\])*"|'[^']*'|[^\s"'\\])+""", re.DOTALL)
_FLAG = re.compile(r"""--(?:"[^"\\]*"|'[^'\\]*'|[^\s"'\\])*(?!\S)""")
_PIECE = re.compile(r"""\\(.)|"((?:\\.|[^"\\])*)"|'([^']*)'|([^"'\\]+)|(.)""", re.DOTALL)
_PLAIN_VARIABLE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")
_HEREDOC = re.compile(r"\d*<<(-?)\s*([^<]+)")
_VARIABLE = re.compile(
    r"\\(?P<escaped>.)|\$(?P<name>[A-Za-z_][A-Za-z0-9_]*)|\$\{(?P<in_braces>[A-Za-z_][A-Za-z0-9_]*)"
    r"(?:(?P<operator>:?[-+])(?P<word>[^${}]*))?\}|(?P<other>\$\{[^}]*\}?)",
    re.DOTALL,
)


def split_flags(arguments: str) -> tuple[tuple[Flag, ...], str]:
    """The flags in front, and the rest; a lone `--` ends the flags and is one of them.

    A flag with a backslash or an open quote is left in the rest.
    """
    flags: list[Flag] = []
    position = len(arguments) - len(arguments.lstrip())
    while (found := _FLAG.match(arguments, position)) is not None:
        name, _, value = _unquoted(found[0]).removeprefix("--").partition("=")
        flags.append(Flag(found[0], name, value))
        position = found.end()
        position += len(arguments[position:]) - len(arguments[position:].lstrip())
        if found[0] == "--":
            break
    return tuple(flags), arguments[position:]


def heredoc_names(line: str) -> list[tuple[str, bool]] | None:
    """The names that end the heredocs of a line, and whether tabs may stand before them.

    Nothing where words, quotes or variables aren't complete: BuildKit finds other heredocs there, or none.
    """
    words = _WORD.findall(line)
    found = [_HEREDOC.fullmatch(word) for word in words]
    names = [(_unquoted(heredoc[2]), bool(heredoc[1])) for heredoc in found if heredoc]
    nameless = any(word.endswith(("<<", "<<-")) for word in words)
    incomplete = _WORD.sub("", line).strip() or "${" in _PLAIN_VARIABLE.sub("", line)
    return None if names and (nameless or incomplete) else names


def is_heredoc(word: str) -> bool:
    return _HEREDOC.fullmatch(word) is not None


def assignments(text: str) -> Iterator[tuple[str, str | None]]:
    """Names and values, as they are written, of an ARG."""
    for found in _WORD.finditer(text):
        name, equals, value = found[0].partition("=")
        yield name, value if equals else None


def expanded(word: str, values: Mapping[str, str]) -> str:
    """`word` without quotes and with its variables; one that has no value is empty.

    Raises:
        UnknownExpansionError: it cuts or replaces parts of a variable.
    """
    return "".join(_expanded_piece(found, values) for found in _PIECE.finditer(word))


def _expanded_piece(found: re.Match[str], values: Mapping[str, str]) -> str:
    escaped, double, single, plain, other = found.groups()
    if single is not None:
        return str(single)
    if double is not None:
        return _with_values(double, values)
    if plain is not None:
        return _with_values(plain, values)
    return str(escaped if escaped is not None else other)


def _with_values(text: str, values: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: _value(found, values), text)


def _value(found: re.Match[str], values: Mapping[str, str]) -> str:
    if found["other"]:
        raise UnknownExpansionError(found["other"])
    if found["escaped"]:
        # Inside double quotes, a backslash is kept unless it protects something.
        return found["escaped"] if found["escaped"] in '"$\\' else found[0]
    name, operator = found["name"] or found["in_braces"], found["operator"] or ""
    value = values.get(name)
    there = bool(value) if operator.startswith(":") else value is not None
    if operator.endswith("-"):
        return value if there and value is not None else found["word"]
    if operator.endswith("+"):
        return found["word"] if there else ""
    return value or ""


def _unquoted(word: str) -> str:
    return "".join(
        escaped or re.sub(r"\\(.)", r"\1", double or "") or single or plain or other or ""
        for escaped, double, single, plain, other in _PIECE.findall(word)
    )
