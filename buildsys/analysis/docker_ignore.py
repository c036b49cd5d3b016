"""`.dockerignore`: patterns as moby/patternmatcher reads them, which are neither gitignore's nor ours."""

import posixpath
import re
from collections.abc import Callable, Iterator

_PIECE = re.compile(r"\*\*/?|\*|\?|\[[^\]]*\]|\\.|.", re.DOTALL)


class DockerIgnoreReader:
    """Finds the patterns: whether each brings files back (`!`), and its regular expression."""

    name = "dockerignore/1"

    def read(self, text: str) -> list[tuple[bool, str]]:
        return list(_patterns(text))


def ignored(patterns: list[tuple[bool, str]]) -> Callable[[str], bool]:
    """Whether a path, relative to the folder of the patterns, is left out: the last match decides."""
    rules = [(brings_back, re.compile(pattern).fullmatch) for brings_back, pattern in patterns]

    def decide(path: str) -> bool:
        out = False
        for brings_back, matches in rules:
            # A pattern that matches a folder holds for all that is below it.
            if brings_back == out and any(map(matches, _upwards(path))):
                out = not brings_back
        return out

    return decide


def _patterns(text: str) -> Iterator[tuple[bool, str]]:
    for line in text.removeprefix("\ufeff").splitlines():
        pattern = line.strip()
        if line.startswith("#") or not pattern:
            continue
        brings_back = pattern.startswith("!")
        pattern = pattern.removeprefix("!").strip()
        if pattern:
            clean = posixpath.normpath(pattern)
            yield brings_back, _expression(clean.lstrip("/") or clean)


def _upwards(path: str) -> Iterator[str]:
    while path:
        yield path
        path = path.rpartition("/")[0]


def _expression(pattern: str) -> str:
    pieces = [found[0] for found in _PIECE.finditer(pattern)]
    parts = [_part(piece, last=index == len(pieces) - 1) for index, piece in enumerate(pieces)]
    try:
        re.compile("".join(parts))
    except re.error:  # a range that runs backwards
        return re.escape(pattern)
    return f"(?s:{''.join(parts)})"


def _part(piece: str, *, last: bool) -> str:
    if piece.startswith("**"):
        return ".*" if last else "(?:.*/)?"
    if piece == "*":
        return "[^/]*"
    if piece == "?":
        return "[^/]"
    if piece.startswith("[") and len(piece) > 1:
        return f"[{'^' if piece[1] == '^' else ''}{_members(piece[1:-1].removeprefix('^'))}]"
    return re.escape(piece.removeprefix("\\") or piece)


def _members(text: str) -> str:
    return re.sub(r"([\[\]^&~|\\])", r"\\\1", text)
