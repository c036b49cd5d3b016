"""go.mod, go.work and vendor/modules.txt: the lines that say where modules are; and go.sum."""

import re
from collections.abc import Iterator
from typing import TypedDict

from buildsys.analysis.go_file import Found, unquoted
from buildsys.analysis.paths import place


class GoModFacts(TypedDict):
    """What is remembered of a go.mod or go.work."""

    module: str
    go: str
    """The version of the language, empty where none is said."""
    requires: list[tuple[str, str]]
    """Module path and version."""
    excludes: list[tuple[str, str]]
    replaces: list[tuple[str, str, str, str, int, int]]
    """Module path, its version or nothing, module path or folder, its version or nothing, line, column."""
    godebugs: list[str]
    uses: list[Found]
    others: list[str]
    """Directives that aren't understood here."""


_WITHOUT_INFLUENCE = frozenset({"ignore", "retract", "tool", "toolchain"})
"""`toolchain` asks for another one, which GOTOOLCHAIN=local doesn't bring; the rest is for other commands."""

# Go's lexer: `//` starts a comment even inside a word, and brackets stand alone.
_TOKEN = re.compile(r"""//.*|"(?:\\.|[^"\\])*"|`[^`]*`|=>|[()]|(?:(?!//)[^\s()"`])+""")


class GoModReader:
    """Reads go.mod and go.work: one directive a line, or a block of them."""

    name = "go-mod/2"

    def read(self, text: str) -> GoModFacts:
        facts: GoModFacts = {
            "module": "", "go": "", "requires": [], "excludes": [], "replaces": [], "godebugs": [],
            "uses": [], "others": [],
        }  # fmt: skip
        for (verb, *rest), place_of_last in _directives(text):
            known = _take_own(facts, verb, rest) or _take_other(facts, verb, rest, place_of_last)
            if not known and verb not in _WITHOUT_INFLUENCE:
                facts["others"].append(verb)
        return facts


def _take_own(facts: GoModFacts, verb: str, rest: list[str]) -> bool:
    """What go.mod says of its own module."""
    match verb, rest:
        case "module", [path]:
            facts["module"] = path
        case "go", [version]:
            facts["go"] = version
        case "godebug", [setting]:
            facts["godebugs"].append(setting)
        case _:
            return False
    return True


def _take_other(facts: GoModFacts, verb: str, rest: list[str], at: tuple[int, int]) -> bool:
    """What it says of other modules."""
    match verb, rest:
        case "require", [path, version]:
            facts["requires"].append((path, version))
        case "exclude", [path, version]:
            facts["excludes"].append((path, version))
        case "replace", [path, *old, "=>", target] if len(old) <= 1:
            facts["replaces"].append((path, "".join(old), target, "", *at))
        case "replace", [path, *old, "=>", target, version] if len(old) <= 1:
            facts["replaces"].append((path, "".join(old), target, version, *at))
        case "use", [folder]:
            facts["uses"].append((folder, *at))
        case _:
            return False
    return True


class GoSumReader:
    """Reads go.sum: `MODULE VERSION[/go.mod] HASH` lines."""

    name = "go-sum/1"

    def read(self, text: str) -> list[tuple[str, str, str]]:
        found: set[tuple[str, str, str]] = set()
        for line in text.splitlines():
            match line.split():
                case [path, version, digest]:
                    found.add((path, version, digest))
                case _:
                    pass
        return sorted(found)


def is_local(replacement: str) -> bool:
    """Whether the right side of a `replace` names a folder, not a module."""
    return replacement in {".", ".."} or replacement.startswith(("./", "../", "/"))


def _directives(text: str) -> Iterator[tuple[list[str], tuple[int, int]]]:
    """Each directive with its verb in front, also inside blocks, and the place of its last word."""
    block, offset = "", 0
    for line in text.splitlines(keepends=True):
        found = [token for token in _TOKEN.finditer(line) if not token[0].startswith("//")]
        words = [unquoted(token[0]) if token[0][0] in '"`' else token[0] for token in found]
        if block and words == [")"]:
            block = ""
        elif words[1:2] == ["("] and not block:
            block = words[0]
        elif words:
            verb = [block] if block else []
            yield [*verb, *words], place(text, offset + found[-1].start())
        offset += len(line)
