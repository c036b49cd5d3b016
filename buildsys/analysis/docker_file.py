"""A Dockerfile's instructions, split into lines, flags and heredocs exactly as BuildKit's parser does it.

What instructions mean is left to BuildKit; here is only what it takes to find stages, what they are built
on, and what they read.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypedDict

from buildsys.analysis.docker_words import Flag, heredoc_names, is_heredoc, split_flags
from buildsys.errors import BuildFileError, Location

KEYWORDS = frozenset(
    {
        "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL",
        "MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
    }
)  # fmt: skip
_WITH_HEREDOCS = frozenset({"ADD", "COPY", "RUN"})
_DIRECTIVE = re.compile(r"#\s*(syntax|escape|check)\s*=\s*(.+?)\s*", re.IGNORECASE | re.ASCII)
_CONTINUED = re.compile(r"(?:(?<=[^\\])|^)\\[ \t]*\Z")
# What Python, Go and shells agree on as white space is a blank and a tab.
_UNREADABLE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]|[^\S \t]")
_SPACES = re.compile(r"[\t\v\f\r ]+")


class Fault(TypedDict):
    """What is wrong, and where: why a file can't be used."""

    message: str
    line: int
    hint: str


class DockerFileFacts(TypedDict):
    """Directives (name, value, line), and instructions: their lines (number, text) and their heredocs."""

    directives: list[tuple[str, str, int]]
    instructions: list[tuple[list[tuple[int, str]], str]]
    faults: list[Fault]


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction; `rest` is what follows the flags, with continued lines joined."""

    keyword: str
    flags: tuple[Flag, ...]
    rest: str
    lines: tuple[tuple[int, str], ...]
    """Number and text of each line, comments and heredocs left out."""
    heredocs: str
    """Bodies and ends, each line with its line break."""

    @property
    def text(self) -> str:
        """As it is written, without comments."""
        return self.with_heredocs("\n".join(text for _, text in self.lines))

    def with_flags(self, *flags: str) -> str:
        """The instruction on one line, with these flags instead of its own."""
        return self.with_heredocs(" ".join((self.keyword, *flags, self.rest)))

    def with_heredocs(self, line: str) -> str:
        return f"{line}\n{self.heredocs}".removesuffix("\n")

    @property
    def words(self) -> tuple[str, ...]:
        """The arguments of COPY, ADD and FROM: a JSON list, or separated by white space."""
        listed = _json_list(self.rest)
        return tuple(_SPACES.split(self.rest) if listed is None else listed) if self.rest else ()

    @property
    def sources(self) -> tuple[str, ...]:
        """What COPY and ADD take, heredocs left out."""
        return tuple(word for word in self.words[:-1] if not is_heredoc(word))

    def place(self, part: str = "") -> tuple[int, int]:
        """Line and column of the first occurrence of `part`, else of the instruction."""
        for number, text in self.lines:
            if part and part in text:
                return number, text.index(part) + 1
        number, text = self.lines[0]
        return number, len(text) - len(text.lstrip()) + 1

    def refused(self, path: str, message: str, hint: str, part: str = "") -> BuildFileError:
        """The error that says why `part` of this instruction of the file at `path` can't be used."""
        return BuildFileError(message, at=Location(path, *self.place(part)), hint=hint)


class DockerFileReader:
    """Splits a Dockerfile; the flags and words of its instructions are cheap to find again."""

    name = "dockerfile/2"

    def read(self, text: str) -> DockerFileFacts:
        facts: DockerFileFacts = {"directives": [], "instructions": [], "faults": []}
        lines = text.removeprefix("\ufeff").split("\n")
        if not lines[-1]:
            lines.pop()
        first = 1 if lines and lines[0].startswith("#!") else 0
        _read_directives(lines, first, facts)
        position = 0
        while position < len(lines):
            position = _read_instruction(lines, position, facts)
        return facts


def instructions(facts: DockerFileFacts) -> Iterator[Instruction]:
    for lines, heredocs in facts["instructions"]:
        keyword, flags, rest = _split(_joined([text for _, text in lines]))
        yield Instruction(keyword, flags, rest, tuple(lines), heredocs)


def _read_directives(lines: list[str], first: int, facts: DockerFileFacts) -> None:
    seen: set[str] = set()
    for number, line in enumerate(lines[first:], first + 1):
        found = _DIRECTIVE.fullmatch(line.strip())
        if found is None:
            return
        name = found[1].lower()
        if name in seen:
            fault = f"the directive `{name}` is there twice"
            facts["faults"].append({"message": fault, "line": number, "hint": "remove one"})
        seen.add(name)
        facts["directives"].append((name, found[2], number))


def _read_instruction(lines: list[str], position: int, facts: DockerFileFacts) -> int:
    """Read what begins at `position`, if anything; returns where the next one begins."""
    begin = position
    if _is_nothing(lines[position]):
        return position + 1
    kept: list[tuple[int, str]] = []
    continued = True
    while continued and position < len(lines):
        line = lines[position].rstrip("\r")
        position += 1
        if _is_nothing(line):
            continue
        kept.append((position, line))
        continued = _CONTINUED.search(line) is not None
    line = _joined([text for _, text in kept])
    heredocs = _heredocs(lines[position:], line)
    fault = heredocs if isinstance(heredocs, tuple) else _unlike_buildkit(line, continued=continued)
    if fault is not None:
        facts["faults"].append({"message": fault[0], "line": begin + 1, "hint": fault[1]})
        return len(lines)
    if line.strip():
        facts["instructions"].append((kept, "".join(f"{text}\n" for text in heredocs)))
    return position + len(heredocs)


def _unlike_buildkit(line: str, *, continued: bool) -> tuple[str, str] | None:
    """Why BuildKit might divide an instruction otherwise, if so, and what to do about it."""
    _, flags, rest = _split(line)
    unreadable = _UNREADABLE.search(line)
    if unreadable is not None:
        return f"there is a character U+{ord(unreadable[0]):04X}", "write a blank, or a heredoc"
    if continued:
        return "the file ends with a backslash", "remove it"
    if rest.startswith("--") and not (flags and flags[-1].written == "--"):
        return "a flag has an open quote or a backslash", "close or remove it"
    return None


def _heredocs(following: list[str], line: str) -> list[str] | tuple[str, str]:
    """The lines of the heredocs that `line` announces; else a fault and what to do about it."""
    keyword, _, rest = _split(line)
    if keyword not in _WITH_HEREDOCS or _json_list(rest) is not None:
        return []
    names = heredoc_names(line)
    if names is None:
        hint = "write `RUN <<EOF`, and the command into the heredoc"
        return "a line with a heredoc has open quotes, or variables with defaults", hint
    end = 0
    for name, tabbed in names:
        while end < len(following):
            text = following[end].rstrip("\r")
            end += 1
            if (text.lstrip("\t") if tabbed else text) == name:
                break
        else:
            return "a heredoc has no end", "end it with its name alone on a line"
    return following[:end]


def _is_nothing(line: str) -> bool:
    """A comment, or an empty line: skipped between instructions and inside them."""
    stripped = line.strip()
    return not stripped or stripped.startswith("#")


def _joined(lines: list[str]) -> str:
    first, *others = lines
    return "".join(_CONTINUED.sub("", line) for line in (first.lstrip(), *others))


def _split(line: str) -> tuple[str, tuple[Flag, ...], str]:
    keyword, *arguments = _SPACES.split(line.strip(), maxsplit=1)
    flags, rest = split_flags(arguments[0]) if arguments else ((), "")
    return keyword.upper(), flags, rest.strip()


def _json_list(text: str) -> list[str] | None:
    """The exec form, which has to be a list of strings."""
    if not text.startswith("["):
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if all(isinstance(one, str) for one in found) else None
