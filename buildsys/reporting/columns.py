"""Rows as aligned lines. Imports nothing."""

TYPE_CHECKING = False  # as in typing, which takes too long to import

if TYPE_CHECKING:
    from collections.abc import Sequence


def columns(rows: "Sequence[Sequence[str]]", right: frozenset[int] = frozenset()) -> list[str]:
    """Rows as aligned lines, two spaces apart; the columns in `right` end at the same place."""
    if not rows:
        return []
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    form = "  ".join(
        f"%{width}s" if index in right else f"%-{width}s" for index, width in enumerate(widths)
    )
    return [(form % tuple(row)).rstrip() for row in rows]
