"""Durations as they are written in definitions and in the environment: `250ms`, `5s`, `1m30s`."""

import re

_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = r"(\d+(?:\.\d+)?)(ms|s|m|h)"
_WHOLE = re.compile(f"(?:{_PART})+", re.ASCII)


def parse_duration_s(text: str) -> float:
    """Raise ValueError for anything that isn't a positive duration with a unit."""
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"`{text}` is not a duration like `250ms`, `5s` or `2m`")
    duration_s = sum(float(number) * _UNIT_S[unit] for number, unit in re.findall(_PART, text))
    if duration_s <= 0:
        raise ValueError(f"`{text}` is not longer than zero")
    return duration_s
