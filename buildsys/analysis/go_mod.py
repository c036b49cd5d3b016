"""go.mod, go.work and vendor/modules.txt: the lines that say where modules are."""

import re
from collections.abc import Iterator
from typing import TypedDict

from buildsys.analysis.go_file import Found, unquoted
from buildsys.analysis.paths import place


class GoModFacts(TypedDict):
    """What is remembered of a go.mod or go.work; `replaces` has the local ones only."""

    module: str
    requires: list[str]
    replaces: list[tuple[str, str, int, int]]
    """Module path, folder as written, line, column."""
    uses: list[Found]


# Go's lexer: `//` starts a comment even inside a word, and brackets stand alone.
_TOKEN = re.compile(r"""//.*|"(?:\\.|[^"\\])*"|`[^`]*`|=>|[()]|(?:(?!//)[^\s()"`])+""")


class GoModReader:
    """Reads go.mod and go.work: one directive a line, or a block of them."""

    name = "go-mod/1"

    def read(self, text: str) -> GoModFacts:
        facts: GoModFacts = {"module": "", "requires": [], "replaces": [], "uses": []}
        for words, (line, column) in _directives(text):
            match words:
                case ["module", path, *_]:
                    facts["module"] = path
                case ["require", path, *_]:
                    facts["requires"].append(path)
                case ["use", folder, *_]:
                    facts["uses"].append((folder, line, column))
                case ["replace", path, *_, "=>", folder] if is_local(folder):
                    facts["replaces"].append((path, folder, line, column))
                case _:
                    pass
        return facts


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
