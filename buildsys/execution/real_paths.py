"""Paths in compilers' messages → paths of the workspace.

Go names files relative to the module, cargo relative to the crate, Python below /src: a path that fits
exactly one input file of the action is replaced by that file's path.
"""

import re
from collections.abc import Iterable

_PATH = re.compile(
    r"(?<![\w./-])(?:\./|/src/)?((?:[\w.+@-]+/)*[\w+@-][\w.+@-]*\.[A-Za-z]{1,4})(?![\w/])"
)


def with_real_paths(text: str, files: Iterable[str]) -> str:
    by_name: dict[str, list[str]] = {}
    for path in files:
        by_name.setdefault(path.rpartition("/")[2], []).append(path)

    def real(found: re.Match[str]) -> str:
        named = found[1]
        fitting = [
            path
            for path in by_name.get(named.rpartition("/")[2], ())
            if path == named or path.endswith(f"/{named}")
        ]
        if named in fitting:
            return named
        return fitting[0] if len(fitting) == 1 else found[0]

    return _PATH.sub(real, text)
