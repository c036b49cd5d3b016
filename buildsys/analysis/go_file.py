"""What a Go source file says in its header: constraint, package, imports; and what it embeds.

The grammar is Go's own, as `go/build` reads it: comments and blank space, a package clause, import
declarations. `//go:embed` lines stand further down; they count only where `embed` is imported.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias, TypedDict

from buildsys.analysis.paths import place

Found: TypeAlias = tuple[str, int, int]
"""A text in a file (an import path, a pattern), its line and its column."""


class GoFacts(TypedDict):
    """What is remembered of a Go file; `constraint` is an expression, empty where there is none."""

    constraint: str
    package: str
    imports: list[Found]
    embeds: list[Found]


class _Token(NamedTuple):
    kind: str
    text: str
    offset: int


_TOKEN = re.compile(
    r"(?P<space>[ \t\r\n;]+)|(?P<line>//[^\n]*)|(?P<block>/\*.*?\*/)"
    r'|(?P<string>"(?:\\.|[^"\\\n])*"|`[^`]*`)|(?P<word>\w+)|(?P<mark>[().])',
    re.DOTALL,
)
# Strings and comments of a body: nothing inside one is a directive, but a comment may be one.
_OPAQUE = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|`[^`]*`|'(?:\\.|[^'\\\n])*'""", re.DOTALL
)
_EMBED = re.compile(r"//go:embed[ \t]")
_PATTERN = re.compile(r'"(?:\\.|[^"\\])*"|`[^`]*`|[^\s"`]\S*')
_GO_BUILD = re.compile(r"//go:build(?:[ \t]+(.*))?$")
_PLUS_BUILD = re.compile(r"//[ \t]*\+build[ \t]+(.*)$")
_BLANK_LINE = re.compile(r"^[ \t\r]*\n", re.MULTILINE)


class GoFileReader:
    """Reads `.go` files, and the constraints of the assembler and C headers beside them."""

    name = "go-file/1"

    def read(self, text: str) -> GoFacts:
        source = text.removeprefix("\ufeff")
        tokens = list(_header(source))
        code = [token for token in tokens if token.kind in {"string", "word", "mark"}]
        imports = list(_imports(code))
        end = code[-1].offset if code else 0
        return {
            "constraint": _constraint(source, tokens),
            "package": _package(code),
            "imports": [(unquoted(token.text), *place(source, token.offset)) for token in imports],
            "embeds": (
                list(_embeds(source, end))
                if any(unquoted(token.text) == "embed" for token in imports)
                else []
            ),
        }


def unquoted(literal: str) -> str:
    """The value of a Go string literal, raw or interpreted."""
    inner = literal[1:-1]
    if literal.startswith("`") or "\\" not in inner:
        return inner.replace("\r", "") if literal.startswith("`") else inner
    return inner.encode("latin-1", "backslashreplace").decode("unicode_escape", "replace")


def _header(source: str) -> Iterator[_Token]:
    """Tokens up to the first that can't be part of a package clause or an import declaration."""
    position = 0
    while found := _TOKEN.match(source, position):
        kind = found.lastgroup or ""
        if kind == "word" and found[0] in {"const", "func", "type", "var"}:
            return
        if kind != "space":
            yield _Token(kind, found[0], position)
        position = found.end()


def _package(code: list[_Token]) -> str:
    return code[1].text if len(code) > 1 and code[0].text == "package" else ""


def _imports(code: list[_Token]) -> Iterator[_Token]:
    """The path literals of all import declarations."""
    rest = iter(code[2:])
    for token in rest:
        if token.text != "import":
            return
        grouped = False
        for spec in rest:
            if spec.text == "(" and not grouped:
                grouped = True
            elif spec.text == ")":
                break
            elif spec.kind == "string":
                yield spec
                if not grouped:
                    break


def _constraint(source: str, tokens: list[_Token]) -> str:
    comments = _leading_lines(source, tokens)
    for token in comments:
        if found := _GO_BUILD.match(token.text.rstrip()):
            return found[1] or ""
    start = next((token.offset for token in tokens if token.kind != "line"), len(source))
    # `+build` counts only above a blank line, so that it isn't the doc comment of the package.
    blank = max((found.start() for found in _BLANK_LINE.finditer(source, 0, start)), default=0)
    older = [
        found[1]
        for token in comments
        if token.offset < blank and (found := _PLUS_BUILD.match(token.text.rstrip()))
    ]
    if not older:
        return ""
    from buildsys.analysis.go_constraint import from_plus_build  # noqa: PLC0415 - hardly any file has one

    return " && ".join(f"({from_plus_build(line)})" for line in older)


def _leading_lines(source: str, tokens: list[_Token]) -> list[_Token]:
    """The `//` comments above the package clause that stand alone on their line."""
    leading: list[_Token] = []
    for token in tokens:
        if token.kind not in {"line", "block"}:
            break
        start = source.rfind("\n", 0, token.offset) + 1
        if token.kind == "line" and not source[start : token.offset].strip():
            leading.append(token)
    return leading


def _embeds(source: str, start: int) -> Iterator[Found]:
    for found in _OPAQUE.finditer(source, start):
        line_start = source.rfind("\n", 0, found.start()) + 1
        if not _EMBED.match(found[0]) or source[line_start : found.start()].strip():
            continue
        for pattern in _PATTERN.finditer(found[0], len("//go:embed")):
            text = pattern[0]
            value = unquoted(text) if text[0] in '"`' else text
            yield (value, *place(source, found.start() + pattern.start()))
