"""requirements.txt as pip understands it: the same text however it is ordered, laid out and commented."""

import re
from collections.abc import Iterator

# pip's own expressions (pip/_internal/req/req_file.py).
_COMMENT = re.compile(r"(^|\s+)#.*$")
_ENCODING = re.compile(r"coding[:=]\s*([-\w.]+)")

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_VERSION = r"(?:===?|~=|!=|<=?|>=?) *[A-Za-z0-9*][A-Za-z0-9._*+!-]*"
_REQUIREMENT = re.compile(
    rf"(?P<name>{_NAME} *(?:\[ *{_NAME}(?: *, *{_NAME})* *\])?)"
    rf"(?: *(?P<versions>{_VERSION}(?: *, *{_VERSION})*)| *@ *(?P<url>[^ ;]+)(?=$| ))?"
    r" *(?:;(?P<marker>.+))?"
)
_HASHES = re.compile(r"(?: *--hash(?:=| +)[a-z0-9]+:[0-9a-f]+)*")
_HASH = re.compile(r"--hash(?:=| +)([^ ]+)")


class RequirementsTextReader:
    """Reads a requirements file into the text that installs the same.

    Requirements are sorted, as pip promises nothing of their order, but not across a line of another kind
    (an option, an include, what isn't understood): these stay where they are.
    """

    name = "requirements-text/1"

    def read(self, text: str) -> str:
        if _has_encoding(text):
            return text
        done: list[str] = []
        waiting: list[str] = []
        for line, _, _ in logical_lines(text):
            if line.endswith("\\") or line.startswith("\ufeff"):
                return text  # without what is around it, it would mean something else
            requirement = _canonical(line)
            if requirement:
                waiting.append(requirement)
            else:
                done += [*sorted(waiting), line]
                waiting = []
        return "".join(f"{line}\n" for line in (*done, *sorted(waiting)))


def logical_lines(text: str) -> Iterator[tuple[str, int, int]]:
    """Lines as pip joins and strips them, without comments and empty ones, each with line and column."""
    whole, start, column, begun = "", 0, 0, False
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        if not whole.strip():
            start, column = number, len(line) - len(line.lstrip()) + 1
        is_comment = _COMMENT.match(line)
        if line.endswith("\\") and not is_comment:
            whole, begun = whole + line.strip("\\"), True
            continue
        whole += f" {line}" if is_comment else line
        if found := _COMMENT.sub("", whole).strip():
            yield found, start, column
        whole, begun = "", False
    if begun and (found := _COMMENT.sub("", whole).strip()):
        yield found, start, column


def _has_encoding(text: str) -> bool:
    """Whether pip would read the bytes in an encoding that a comment names."""
    first = text.removeprefix("\ufeff").split("\n")[:2]
    found = [_ENCODING.search(line) for line in first if line.startswith("#")]
    return any(match and match[1].lower() not in {"utf-8", "utf8"} for match in found)


def _canonical(line: str) -> str:
    """A requirement in its one form; nothing if it is something else, or has more to it."""
    words = line.split(" ")
    end = next((n for n, word in enumerate(words) if word.startswith("-")), len(words))
    options = " ".join(words[end:])
    found = _REQUIREMENT.fullmatch(" ".join(words[:end]).strip())
    if found is None or not _HASHES.fullmatch(options):
        return ""
    wanted = found["name"].replace(" ", "") + (found["versions"] or "").replace(" ", "")
    if found["url"]:
        wanted += f" @ {found['url']}"
    if marker := (found["marker"] or "").strip():
        wanted += f" ; {marker}"
    return " ".join((wanted, *(f"--hash={one}" for one in sorted(set(_HASH.findall(options))))))
