"""File patterns: `*` stands for anything within a folder's name, `**` for any folders.

A pattern that names a folder also stands for all that is below it.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache


def matcher(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Whether any of the patterns matches a path; both are relative to the same folder."""
    return _matcher(tuple(patterns))


@lru_cache(maxsize=1000)
def _matcher(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    expressions = [_expression(pattern) for pattern in patterns]
    if not expressions:
        return lambda _path: False
    return re.compile(f"(?s:(?:{'|'.join(expressions)})(?:/.*)?)").fullmatch  # type: ignore[return-value]


def _expression(pattern: str) -> str:
    runs = list(_runs(pattern.split("/")))
    if runs[-1] == "":  # `**` at the end: any file, but not the folder itself
        runs[-1] = "[^/]+"
    # Each run but the last is found as far left as can be and never tried again (atomic group), so that
    # no pattern takes more than quadratic time.
    first, *rest = runs
    if not rest:
        return first
    middle = "".join(f"(?>(?:[^/]+/)*?{run}/)" for run in rest[:-1])
    return (f"{first}/" if first else "") + middle + f"(?:[^/]+/)*?{rest[-1]}(?=/|$)"


def _runs(parts: list[str]) -> Iterator[str]:
    """Expressions for what stands between the `**`s; several in a row are like one."""
    run: list[str] = []
    for index, part in enumerate(parts):
        if part != "**":
            run.append(_part(part))
        elif index == 0 or parts[index - 1] != "**":
            yield "/".join(run)
            run = []
    yield "/".join(run)


def _part(part: str) -> str:
    literals = [re.escape(literal) for literal in part.split("*")]
    if len(literals) == 1:
        return literals[0]
    middle = "".join(f"(?>[^/]*?{literal})" for literal in literals[1:-1] if literal)
    return f"{literals[0]}{middle}[^/]*{literals[-1]}(?=/|$)"
