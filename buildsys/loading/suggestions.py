"""Hints for names that nothing has: the nearest one there is, or all of them when they are few."""

from collections.abc import Iterable

_FEW = 15
_LONGEST = 100
"""difflib's time grows with the square of the length."""


def nearest(word: str, known: Iterable[str]) -> str:
    """``did you mean `port`?``, or empty."""
    # Only who made a mistake pays for the import.
    import difflib  # noqa: PLC0415

    near = difflib.get_close_matches(word[:_LONGEST], list(known), n=1)
    return f"did you mean `{near[0]}`?" if near else ""


def nearest_or_all(word: str, known: Iterable[str]) -> str:
    names = sorted(known)
    hint = nearest(word, names)
    if hint or not 0 < len(names) <= _FEW:
        return hint
    return "there is " + ", ".join(f"`{name}`" for name in names)
