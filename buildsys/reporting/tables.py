"""What a status and a build look like on a screen."""

from collections.abc import Sequence

from buildsys.events import Outcome
from buildsys.execution.lookup import TargetStatus
from buildsys.execution.report import BuildReport, TargetReport
from buildsys.execution.states import layers_cell
from buildsys.reporting.columns import columns
from buildsys.reporting.status_table import Cells, status_table
from buildsys.reporting.text import Colour, coloured, duration, size

_OUTCOME_COLOURS = {
    Outcome.FRESH: Colour.DIM,
    Outcome.PULLED: Colour.GREEN,
    Outcome.BUILT: Colour.GREEN,
    Outcome.FAILED: Colour.RED,
    Outcome.SKIPPED: Colour.YELLOW,
}


def status_lines(targets: Sequence[TargetStatus], *, explain: bool, colour: bool) -> list[str]:
    """One line a target, then, if wanted, a line for each reason of each layer that isn't fresh."""
    lines = status_table([status_cells(target) for target in targets], colour=colour)
    if not explain:
        return lines
    explained = (
        [line, *_reasons(target)] for target, line in zip(targets, lines[:-1], strict=True)
    )
    return [line for some in explained for line in some] + lines[-1:]


def status_cells(target: TargetStatus) -> Cells:
    """The target's row."""
    layers = layers_cell((layer.name, layer.state.value) for layer in target.layers)
    image = target.layers[-1].result
    image_size = size(image.unpacked_bytes) if image else "-"
    return str(target.label), target.state.value, layers, image_size


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
        layers_cell((layer.name, layer.outcome.value) for layer in target.layers),
        size(image.unpacked_bytes) if image else "-",
        f"{budget} exceeded" if target.over_budget else budget,
        duration(sum(layer.duration_s for layer in target.layers)),
        duration(sum(layer.saved_s for layer in target.layers)),
    )


def _sum(report: BuildReport) -> str:
    outcomes = [target.outcome for target in report.targets]
    parts = [f"{outcomes.count(outcome)} {outcome}" for outcome in Outcome if outcome in outcomes]
    path = " → ".join(step.layer for step in report.critical_path)
    longest = sum(step.duration_s for step in report.critical_path)
    critical = f", critical path {duration(longest)} ({path})" if path else ""
    engines = len(report.solves_by_engine)
    on = f" on {engines} engines" if engines > 1 else ""
    return (
        f"{len(outcomes)} targets: {', '.join(parts) or 'nothing'}; {report.solves} solves{on},"
        f" {duration(report.duration_s)}{critical}"
    )


def _with_word(line: str, word: str, colour: Colour, *, on: bool) -> str:
    """The line with the first standing-alone `word` coloured; widths stay as they are."""
    return line.replace(f" {word}", f" {coloured(word, colour, on=on)}", 1)
