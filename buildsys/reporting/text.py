"""Text for people: columns, sizes, durations."""

from enum import Enum


class Colour(Enum):
    """ANSI colours; they never carry meaning alone."""

    GREEN = "32"
    YELLOW = "33"
    RED = "31"
    DIM = "2"
    BOLD = "1"


def coloured(text: str, colour: Colour | None, *, on: bool) -> str:
    return f"\x1b[{colour.value}m{text}\x1b[0m" if on and colour else text


def size(count: int) -> str:
    """Decimal units, as `docker images` shows them."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":  # noqa: PLR2004
            return f"{value:.0f}{unit}" if unit == "B" else f"{value:.1f}{unit}"
        value /= 1000
    raise AssertionError


def duration(seconds: float) -> str:
    if seconds < 60:  # noqa: PLR2004
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest:02d}s"
