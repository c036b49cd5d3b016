"""File patterns: `*` and `?` within a folder, `**` across folders; a folder's name means all below it."""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache


def matcher(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Whether a path, relative to where the patterns are, fits any of them."""
    compiled = [_compiled(pattern) for pattern in patterns]
    return lambda path: any(one.fullmatch(path) for one in compiled)


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|/\*\*$|\*\*|\*|\?)", pattern.strip("/"))
    text = "".join(_PIECES.get(part, re.escape(part)) for part in parts)
    return re.compile(f"{text}(?:/.*)?", re.DOTALL)


_PIECES = {"**/": "(?:.*/)?", "/**": "/.*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
