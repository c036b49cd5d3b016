"""The loop that carries a plan out. The only place that starts threads for actions."""

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from buildsys.errors import (
    BuildFailed,
    BuildsysError,
    CheckFailed,
    InputChanged,
    Interrupted,
    ResultLost,
)
from buildsys.events import (
    ActionFinished,
    ActionStarted,
    BuildFinished,
    BuildStarted,
    EventSink,
    Outcome,
    Warned,
)
from buildsys.execution.demands import demands
from buildsys.execution.lookup import Lookup
from buildsys.execution.options import Options
from buildsys.execution.perform import Performer
from buildsys.execution.plan import Node, Plan
from buildsys.execution.report import BuildReport, LayerRun, report_of
from buildsys.execution.solve_events import SolveEvents
from buildsys.keys.keying import KeyedTarget
from buildsys.model.action import ActionResult, Role
from buildsys.model.digest import ActionKey
from buildsys.model.files import BaseDigests
from buildsys.model.graph import Graph
from buildsys.model.label import Label

TYPICAL_S = {Role.DEPENDENCY: 60.0, Role.CODE: 5.0, Role.TEST: 10.0}
"""What an action costs where no earlier one tells: only the order of starting depends on it."""

Grow = Callable[[ActionKey], tuple[KeyedTarget, ...]]
"""Told the key of a layer that is there now; returns the targets that awaited it, fully keyed."""


def _grows_not(_: ActionKey) -> tuple[KeyedTarget, ...]:
    return ()


@dataclass(slots=True)
class _Build:
    """One build under way; touched by the main thread only."""

    targets: dict[Label, KeyedTarget]
    plan: Plan
    results: dict[ActionKey, ActionResult]
    options: Options
    grow: Grow
    spares: Mapping[ActionKey, ActionResult]
    runs: dict[ActionKey, LayerRun] = field(default_factory=dict)
    errors: list[BuildsysError] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Builder:
    """Runs what a lookup found missing, in parallel, the longest way to the end first."""

    performer: Performer
    sink: EventSink
    expected_s: Mapping[str, float]
    """Layer name → seconds that it took before."""
    engines: dict[ActionKey, str] = field(default_factory=dict)
    """Key → the engine that its action was begun on last."""

    def build(
        self,
        targets: tuple[KeyedTarget, ...],
        lookup: Lookup,
        bases: BaseDigests,
        options: Options,
        grow: Grow = _grows_not,
    ) -> BuildReport:
        """Build what `targets` lack; `grow` is asked when a layer is there that some of them await.

        Failures are in the report. Raises:
            InputChanged: a source changed during the build; what was finished is stored, plan again.
            ResultLost: the same, for something that a shared cache should have had.
            Interrupted: the user asked to stop; everything that ran has been stopped.
        """
        clock = self.performer.clock
        started = clock.monotonic()
        nodes, hits = demands(targets, lookup, options)
        plan = Plan(nodes, self._priorities(nodes))
        known = {one.label: one for one in targets}
        spares = {} if options.force else lookup.spares
        build = _Build(known, plan, hits, options, grow, spares)
        unknown = sum(len(target.open) for target in targets)
        self.sink.emit(BuildStarted(len(targets), len(nodes) + unknown))
        for key in {key for target in targets for key in target.awaited} & hits.keys():
            self._grow(build, key)  # made by another process since
        if not plan.ended:
            self._run(build, bases)
        build.results |= self.performer.given()
        duration = clock.monotonic() - started
        self.sink.emit(BuildFinished(len(build.errors), duration))
        for error in build.errors:
            if isinstance(error, InputChanged | ResultLost):
                raise error
        keyed = tuple(build.targets[target.label] for target in targets)
        nodes = {key: plan.node(key) for key in build.runs}
        waited_for = {key: node.needs | node.wants for key, node in nodes.items()}
        errors = tuple(build.errors)
        return report_of(keyed, build.results, build.runs, errors, duration, waited_for)

    def _priorities(self, nodes: Mapping[ActionKey, Node]) -> dict[ActionKey, float]:
        def cost(key: ActionKey) -> float:
            action = nodes[key].keyed.action
            if action.accelerator and key not in awaited:
                return 0.0  # it is for later builds
            return self.expected_s.get(action.layer, TYPICAL_S[action.role])

        below = {key: node.needs | node.wants for key, node in nodes.items()}
        awaited = {key for needed in below.values() for key in needed}
        return Graph(below).remaining(cost)

    def _run(self, build: _Build, bases: BaseDigests) -> None:
        running: dict[Future[tuple[ActionResult, Outcome]], tuple[ActionKey, float]] = {}
        jobs = build.options.jobs
        with ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="action") as pool:
            try:
                while not build.plan.ended:
                    self._start_ready(build, pool, running, bases)
                    # Wakes up now and then, as a signal's handler runs only between two waits.
                    ended, _ = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
                    for future in ended:
                        key, since = running.pop(future)
                        self._settle(build, key, since, future)
            except (KeyboardInterrupt, Interrupted):
                self.performer.cancel()
                build.plan.stop()
                raise Interrupted("interrupted") from None
            except BaseException:
                self.performer.cancel()
                raise

    def _start_ready(
        self,
        build: _Build,
        pool: ThreadPoolExecutor,
        running: dict[Future[tuple[ActionResult, Outcome]], tuple[ActionKey, float]],
        bases: BaseDigests,
    ) -> None:
        while len(running) < build.options.jobs and (key := build.plan.next_ready()) is not None:
            node = build.plan.node(key)
            build.plan.start(key)
            needs = tuple(sorted(node.needs | node.wants))
            self.sink.emit(ActionStarted(key, node.keyed.action.layer, node.labels, needs))
            since = self.performer.clock.monotonic()
            future = pool.submit(
                self._perform, node, bases, {**build.spares, **build.results}, build.options
            )
            running[future] = (key, since)

    def _perform(
        self,
        node: Node,
        bases: BaseDigests,
        known: Mapping[ActionKey, ActionResult],
        options: Options,
    ) -> tuple[ActionResult, Outcome]:
        if node.shared is not None:
            return self.performer.fetch(node.keyed, node.shared)
        return self.performer.perform(
            node.keyed,
            bases,
            known.get,
            SolveEvents(node.keyed.key, self.sink, self.engines),
            force=options.again(node.keyed.action),
        )

    def _settle(
        self,
        build: _Build,
        key: ActionKey,
        since: float,
        future: Future[tuple[ActionResult, Outcome]],
    ) -> None:
        duration = self.performer.clock.monotonic() - since
        try:
            result, outcome = future.result()
        except Interrupted:
            raise
        except BuildsysError as error:
            self._failed(build, key, duration, error)
            return
        build.plan.finish(key)
        build.results[key] = result
        self._ended(build, key, outcome, duration, result=result)
        if any(key in target.awaited for target in build.targets.values()):
            self._grow(build, key)

    def _grow(self, build: _Build, key: ActionKey) -> None:
        """Plan what can be planned now that the layer with this key is there."""
        try:
            grown = build.grow(key)
        except BuildsysError as error:
            build.errors.append(error)
            skipped = build.plan.stop()
        else:
            build.targets |= {target.label: target for target in grown}
            lookup = self.performer.look_up(grown)
            nodes, hits = demands(grown, lookup, build.options, build.results)
            build.results |= hits
            skipped = build.plan.extend(nodes, self._priorities(nodes))
        for other in skipped:
            self._ended(build, other, Outcome.SKIPPED, 0.0)

    def _failed(
        self,
        build: _Build,
        key: ActionKey,
        duration: float,
        error: BuildsysError,
    ) -> None:
        accelerator = build.plan.node(key).keyed.action.accelerator and isinstance(
            error, BuildFailed
        )
        skipped = build.plan.fail(key)
        if accelerator:
            layer = build.plan.node(key).keyed.action.layer
            self.sink.emit(Warned(f"layer `{layer}` failed, building without it: {error}"))
        else:
            build.errors.append(error)
        self._ended(build, key, Outcome.FAILED, duration, message=str(error))
        goes_on = build.options.keep_going and isinstance(error, BuildFailed | CheckFailed)
        if not accelerator and not goes_on:
            skipped = (*skipped, *build.plan.stop())
        for other in skipped:
            self._ended(build, other, Outcome.SKIPPED, 0.0)

    def _ended(
        self,
        build: _Build,
        key: ActionKey,
        outcome: Outcome,
        duration: float,
        *,
        result: ActionResult | None = None,
        message: str = "",
    ) -> None:
        node = build.plan.node(key)
        layer = node.keyed.action.layer
        build.runs[key] = LayerRun(outcome, duration, message, self.engines.get(key, ""))
        self.sink.emit(ActionFinished(key, layer, node.labels, outcome, duration, result, message))
