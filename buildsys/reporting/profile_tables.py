"""What a profile looks like on a screen, and as a document."""

from collections.abc import Mapping, Sequence

from buildsys.reporting.columns import columns
from buildsys.reporting.profile import LayerTime, Profile
from buildsys.reporting.text import Colour, coloured, duration

SCHEMA = 1
_WORTH_A_WORD_S = 0.005
_MINUTE_S = 60


def profile_lines(profile: Profile, *, top: int, colour: bool) -> list[str]:
    """Tables by phase, by layer, by what BuildKit did; then the critical path. `top` rows of each at most."""
    whole = profile.duration_s
    lines = [f"solves: {_of(profile.solving_s, whole)}"]
    phases = [
        (one.name, str(one.times), _time(one.duration_s), _share(one.duration_s, whole))
        for one in profile.phases[:top]
    ]
    lines += _table(("phase", "times", "time", "share"), phases, colour=colour)
    several = len({name for one in profile.layers for name in one.engines}) > 1
    layers = [
        (
            *(
                (one.name, one.outcome, ", ".join(one.engines))
                if several
                else (one.name, one.outcome)
            ),
            *(_time(one.duration_s), _share(one.duration_s, whole)),
            *(_time(one.waited_s), _words(one.phases)),
        )
        for one in profile.layers[:top]
    ]
    named = ("layer", "outcome", "engine") if several else ("layer", "outcome")
    heads = (*named, "time", "share", "waited", "of which")
    lines += _table(heads, layers, colour=colour)
    engine = [
        (
            *(one.kind, str(one.vertexes), str(one.cached)),
            *(_time(one.duration_s), _share(one.duration_s, whole)),
        )
        for one in profile.engine[:top]
    ]
    lines += _table(("BuildKit", "steps", "cached", "time", "share"), engine, colour=colour)
    path = [
        (step.name, _time(step.duration_s), _share(step.duration_s, whole), _words(step.phases))
        for step in profile.critical_path
        if step.duration_s >= _WORTH_A_WORD_S or step.phases
    ]
    lines += _table(("critical path", "time", "share", "of which"), path, colour=colour)
    return [*lines, f"critical path: {_of(profile.critical_s, whole)}"]


def profile_document(profile: Profile) -> dict[str, object]:
    """`bs profile --json`; its fields are a contract."""
    return {
        "schema": SCHEMA,
        "duration_s": _round(profile.duration_s),
        "solving_s": _round(profile.solving_s),
        "phases": [
            {"name": one.name, "times": one.times, "duration_s": _round(one.duration_s)}
            for one in profile.phases
        ],
        "layers": [_layer(one) for one in profile.layers],
        "engine": [
            {
                "kind": one.kind,
                "vertexes": one.vertexes,
                "cached": one.cached,
                "duration_s": _round(one.duration_s),
            }
            for one in profile.engine
        ],
        "critical_path": {
            "duration_s": _round(profile.critical_s),
            "steps": [
                {
                    "name": step.name,
                    "duration_s": _round(step.duration_s),
                    "phases": _rounded(step.phases),
                }
                for step in profile.critical_path
            ],
        },
    }


def _layer(one: LayerTime) -> dict[str, object]:
    return {
        "name": one.name,
        "outcome": one.outcome,
        "duration_s": _round(one.duration_s),
        "waited_s": _round(one.waited_s),
        "phases": _rounded(one.phases),
        "engines": list(one.engines),
    }


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, colour: bool) -> list[str]:
    """With an empty line before it; numbers end at the same place, words begin there."""
    if not rows:
        return []
    right = {n for n, head in enumerate(heads) if head not in {"outcome", "engine", "of which"}} - {
        0
    }
    first, *others = columns([heads, *rows], frozenset(right))
    return ["", coloured(first, Colour.DIM, on=colour), *others]


def _words(phases: Mapping[str, float]) -> str:
    """The phases that took something, longest first."""
    named = sorted(phases.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {_time(s)}" for name, s in named if s >= _WORTH_A_WORD_S)


def _time(seconds: float) -> str:
    return f"{seconds:.2f}s" if seconds < _MINUTE_S else duration(seconds)


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f}%" if whole else "-"


def _of(part: float, whole: float) -> str:
    return f"{_time(part)} of {_time(whole)} ({_share(part, whole)})"


def _round(seconds: float) -> float:
    return round(seconds, 6)


def _rounded(phases: Mapping[str, float]) -> dict[str, float]:
    return {name: _round(seconds) for name, seconds in phases.items()}
