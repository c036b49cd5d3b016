"""`bases.lock`: which bytes a base's name stood for when it was last looked up in its registry.

One line a base: its name, a space, `host/name:tag@sha256:…`; `#` starts a comment. Committed, so that all
checkouts build on the same bases. A pin counts only while the workspace still names the same image.
"""

from collections.abc import Mapping

from buildsys.errors import BuildFileError, Location
from buildsys.model.digest import is_digest

NAME = "bases.lock"
_HEADER = "# Bases by digest, written by `bs bases update`; commit this file.\n"


def parse(text: str) -> dict[str, str]:
    """Base name → pinned reference.

    Raises:
        BuildFileError: a line isn't of the form.
    """
    pins: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        content = line.partition("#")[0].strip()
        if not content:
            continue
        name, _, reference = content.partition(" ")
        if not is_digest(reference.strip().rpartition("@")[2]):
            raise BuildFileError(
                f"`{content}` is not `NAME IMAGE@sha256:…`",
                at=Location(NAME, number, 1),
                hint="remove the line and run `bs bases update`",
            )
        pins[name] = reference.strip()
    return pins


def render(pins: Mapping[str, str]) -> str:
    return _HEADER + "".join(f"{name} {pins[name]}\n" for name in sorted(pins))
