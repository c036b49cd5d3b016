"""What a status and a build look like on a screen."""

from collections.abc import Sequence

from buildsys.events import Outcome
from buildsys.execution.lookup import LayerState, TargetStatus
from buildsys.execution.report import BuildReport, TargetReport
from buildsys.reporting.text import Colour, coloured, columns, duration, size

_STATE_COLOURS = {
    LayerState.FRESH: Colour.GREEN,
    LayerState.REMOTE: Colour.GREEN,
    LayerState.STALE: Colour.YELLOW,
    LayerState.MISSING: Colour.YELLOW,
}
_OUTCOME_COLOURS = {
    Outcome.FRESH: Colour.DIM,
    Outcome.PULLED: Colour.GREEN,
    Outcome.BUILT: Colour.GREEN,
    Outcome.FAILED: Colour.RED,
    Outcome.SKIPPED: Colour.YELLOW,
}


def status_lines(targets: Sequence[TargetStatus], *, explain: bool, colour: bool) -> list[str]:
    """One line a target, then, if wanted, a line for each reason of each layer that isn't fresh."""
    rows = [
        (str(target.label), str(target.state), _layers_of(target), _image_size(target))
        for target in targets
    ]
    lines: list[str] = []
    for target, line in zip(targets, columns(rows, frozenset({3})), strict=True):
        lines.append(_with_word(line, str(target.state), _STATE_COLOURS[target.state], on=colour))
        if explain:
            lines += _reasons(target)
    fresh = sum(target.state is LayerState.FRESH for target in targets)
    lines.append(f"{len(targets)} targets: {fresh} fresh, {len(targets) - fresh} not")
    return lines


def _layers_of(target: TargetStatus) -> str:
    return " ".join(
        layer.name if layer.state is LayerState.FRESH else f"{layer.name}({layer.state})"
        for layer in target.layers
    )


def _image_size(target: TargetStatus) -> str:
    image = target.layers[-1].result
    return size(image.unpacked_bytes) if image else "-"


def _reasons(target: TargetStatus) -> list[str]:
    return [f"    {layer.name}: {reason}" for layer in target.layers for reason in layer.reasons]


def build_lines(report: BuildReport, *, colour: bool) -> list[str]:
    """The closing table: a line a target, the budget beside the size, then the sum."""
    rows = [_row(target) for target in report.targets]
    header = ("target", "outcome", "layers", "size", "budget", "time", "saved")
    lines = columns([header, *rows], frozenset({3, 4, 5, 6}))
    shown = [coloured(lines[0], Colour.DIM, on=colour)] if rows else []
    for target, line in zip(report.targets, lines[1:], strict=True):
        shown.append(
            _with_word(line, str(target.outcome), _OUTCOME_COLOURS[target.outcome], on=colour)
        )
    return [*shown, _sum(report)]


def _row(target: TargetReport) -> tuple[str, ...]:
    image = target.image
    budget = size(target.max_size) if target.max_size is not None else "-"
    return (
        str(target.label),
        str(target.outcome),
        " ".join(_layer_word(layer.name, layer.outcome) for layer in target.layers),
        size(image.unpacked_bytes) if image else "-",
        f"{budget} exceeded" if target.over_budget else budget,
        duration(sum(layer.duration_s for layer in target.layers)),
        duration(sum(layer.saved_s for layer in target.layers)),
    )


def _layer_word(name: str, outcome: Outcome) -> str:
    return name if outcome is Outcome.FRESH else f"{name}({outcome})"


def _sum(report: BuildReport) -> str:
    outcomes = [target.outcome for target in report.targets]
    parts = [f"{outcomes.count(outcome)} {outcome}" for outcome in Outcome if outcome in outcomes]
    path = " → ".join(step.layer for step in report.critical_path)
    longest = sum(step.duration_s for step in report.critical_path)
    critical = f", critical path {duration(longest)} ({path})" if path else ""
    return (
        f"{len(outcomes)} targets: {', '.join(parts) or 'nothing'}; {report.solves} solves,"
        f" {duration(report.duration_s)}{critical}"
    )


def _with_word(line: str, word: str, colour: Colour, *, on: bool) -> str:
    """The line with the first standing-alone `word` coloured; widths stay as they are."""
    return line.replace(f" {word}", f" {coloured(word, colour, on=on)}", 1)
