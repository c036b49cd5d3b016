"""What a build came to: the outcome of every layer of every target."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from buildsys.errors import BuildsysError
from buildsys.events import Outcome
from buildsys.keys.keying import KeyedTarget
from buildsys.model.action import ActionResult, KeyedAction, Role
from buildsys.model.digest import ActionKey
from buildsys.model.graph import Graph
from buildsys.model.label import Label


@dataclass(frozen=True, slots=True)
class LayerRun:
    """What became of an action that had to run."""

    outcome: Outcome
    duration_s: float
    message: str = ""
    engine: str = ""


@dataclass(frozen=True, slots=True)
class LayerReport:
    """One layer of one target. `saved_s` is what making it took, where that wasn't needed now.

    `engine` is the address of the engine that made it now, or failed to.

    There is no key where the layer that tells what the inputs are couldn't be made.
    """

    name: str
    role: Role
    outcome: Outcome
    key: ActionKey | None
    result: ActionResult | None
    duration_s: float
    message: str = ""
    engine: str = ""

    @property
    def saved_s(self) -> float:
        if self.outcome in {Outcome.FRESH, Outcome.PULLED} and self.result is not None:
            return self.result.duration_s
        return 0.0


@dataclass(frozen=True, slots=True)
class TargetReport:
    """A target's layers, bottom up; the last one is the image."""

    label: Label
    rule: str
    layers: tuple[LayerReport, ...]
    max_size: int | None

    @property
    def image(self) -> ActionResult | None:
        return self.layers[-1].result

    @property
    def outcome(self) -> Outcome:
        return self.layers[-1].outcome

    @property
    def over_budget(self) -> bool:
        image = self.image
        return bool(image and self.max_size is not None and image.unpacked_bytes > self.max_size)


@dataclass(frozen=True, slots=True)
class CriticalStep:
    """One action of the chain that set the build's duration."""

    layer: str
    labels: tuple[Label, ...]
    duration_s: float


@dataclass(frozen=True, slots=True)
class BuildReport:
    """`solves` counts the actions that an engine was called for, also by the engine that ended them."""

    targets: tuple[TargetReport, ...]
    solves: int
    duration_s: float
    critical_path: tuple[CriticalStep, ...]
    errors: tuple[BuildsysError, ...]
    solves_by_engine: Mapping[str, int] = field(default_factory=dict)


def report_of(
    targets: tuple[KeyedTarget, ...],
    results: Mapping[ActionKey, ActionResult],
    runs: Mapping[ActionKey, LayerRun],
    errors: tuple[BuildsysError, ...],
    duration_s: float,
    waited_for: Mapping[ActionKey, Iterable[ActionKey]],
) -> BuildReport:
    """`waited_for`: what ran → what it had to wait for."""
    solved = [run for run in runs.values() if run.outcome in {Outcome.BUILT, Outcome.FAILED}]
    return BuildReport(
        tuple(_target(target, results, runs) for target in targets),
        len(solved),
        duration_s,
        _critical_path(targets, runs, waited_for),
        errors,
        dict(sorted(Counter(run.engine for run in solved if run.engine).items())),
    )


def _target(
    target: KeyedTarget,
    results: Mapping[ActionKey, ActionResult],
    runs: Mapping[ActionKey, LayerRun],
) -> TargetReport:
    known = (_layer(keyed, results.get(keyed.key), runs.get(keyed.key)) for keyed in target.layers)
    unknown = (
        LayerReport(action.layer, action.role, Outcome.SKIPPED, None, None, 0.0)
        for action in target.open
    )
    return TargetReport(target.label, target.rule, (*known, *unknown), target.actions.max_size)


def _layer(keyed: KeyedAction, result: ActionResult | None, run: LayerRun | None) -> LayerReport:
    # Without a run and without a result: made on demand, and nothing asked for it.
    outcome = Outcome.FRESH if result is not None else Outcome.SKIPPED
    action = keyed.action
    if run is None:
        return LayerReport(action.layer, action.role, outcome, keyed.key, result, 0.0)
    ran = (run.duration_s, run.message, run.engine)
    return LayerReport(action.layer, action.role, run.outcome, keyed.key, result, *ran)


def _critical_path(
    targets: tuple[KeyedTarget, ...],
    runs: Mapping[ActionKey, LayerRun],
    waited_for: Mapping[ActionKey, Iterable[ActionKey]],
) -> tuple[CriticalStep, ...]:
    ran: dict[ActionKey, KeyedAction] = {}
    labels: dict[ActionKey, list[Label]] = {}
    for target in targets:
        for keyed in target.layers:
            if keyed.key in runs:
                ran[keyed.key] = keyed
                labels.setdefault(keyed.key, []).append(target.label)
    if not ran:
        return ()
    graph = Graph({key: [below for below in waited_for[key] if below in ran] for key in ran})
    return tuple(
        CriticalStep(ran[key].action.layer, tuple(labels[key]), runs[key].duration_s)
        for key in graph.critical_path(lambda key: runs[key].duration_s)
    )
