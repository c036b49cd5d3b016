"""The table of `bs status`: a line a target, then the sum. Imports next to nothing."""

from buildsys.execution.states import FRESH, MISSING, REMOTE, STALE
from buildsys.reporting.columns import columns

TYPE_CHECKING = False  # as in typing, which takes too long to import

if TYPE_CHECKING:
    from collections.abc import Sequence

Cells = tuple[str, str, str, str]
"""Label, state, layers, size of the image."""

_RIGHT = frozenset({3})
_COLOURS = {FRESH: "32", REMOTE: "32", STALE: "33", MISSING: "33"}


def status_table(rows: "Sequence[Cells]", *, colour: bool) -> list[str]:
    lines = columns(rows, _RIGHT)
    if colour:
        lines = [_painted(line, row[1]) for line, row in zip(lines, rows, strict=True)]
    fresh = sum(row[1] == FRESH for row in rows)
    remote = sum(row[1] == REMOTE for row in rows)
    elsewhere = f" {remote} remote," if remote else ""
    rest = len(rows) - fresh - remote
    return [*lines, f"{len(rows)} targets: {fresh} fresh,{elsewhere} {rest} not"]


def _painted(line: str, state: str) -> str:
    """The first standing-alone word that is the state in its colour; widths stay as they are."""
    return line.replace(f" {state}", f" \x1b[{_COLOURS[state]}m{state}\x1b[0m", 1)
