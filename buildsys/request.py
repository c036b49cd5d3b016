"""A build request from beginning to end, and once more if a source changed meanwhile."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from buildsys.errors import BuildsysError, InputChanged, MachineError, ResultLost
from buildsys.events import Outcome
from buildsys.execution.bases import BaseProvider, KnownBase, most_urgent_first
from buildsys.execution.lookup import Lookup, TargetStatus, status_of
from buildsys.execution.options import Options
from buildsys.execution.ports import Judge
from buildsys.execution.real_paths import with_real_paths
from buildsys.execution.report import BuildReport
from buildsys.keys.explain import Reason
from buildsys.keys.keying import KeyedTarget
from buildsys.model.digest import ActionKey, ImageDigest
from buildsys.model.label import Label
from buildsys.model.target import Base
from buildsys.tracing import Tracer, timed
from buildsys.wiring import Session, references

_TRIES = 3
"""How often a build is planned anew because a source changed under it."""
_MOST_PLANS = 100
_PARALLEL_BASES = 2


@dataclass(slots=True)
class BuildRequest:
    """Builds some targets of a session; `input_files` is what reporting needs for messages."""

    session: Session
    labels: tuple[Label, ...]
    judge: Judge | None = None
    """Given, the targets' tests are built rather than their images."""
    noted: bool = True
    """Whether what is needed is noted in the shared cache, so that it stays there."""
    reasons: dict[str, tuple[Reason, ...]] = field(default_factory=dict)
    _files: dict[ActionKey, tuple[str, ...]] = field(default_factory=dict)

    @property
    def tracer(self) -> Tracer:
        return self.session.tracer

    def run(self, options: Options) -> BuildReport:
        """Build.

        Raises:
            BuildsysError: nothing could be tried; failures of actions are in the report.
        """
        with self.session.machine.store.in_use():
            return self._tried(options)

    def _tried(self, options: Options) -> BuildReport:
        changes = 0
        for _ in range(_MOST_PLANS):
            try:
                return self._once(options)
            except ResultLost as error:
                # The shared cache knows that result no longer: the next plan makes it.
                self.session.machine.note(f"{error}: planning again")
                self.session.caches.lose()
            except InputChanged as error:
                changes += 1
                if changes == _TRIES:
                    raise InputChanged(
                        "keeps changing while it is being built",
                        at=error.at,
                        hint="stop what writes it, and build again",
                    ) from None
                self.session.machine.note(f"{error.at} changed during the build: planning again")
                self.session.forget_files()
        raise ResultLost(
            "the shared cache loses one result after the other", hint="--cache=remote:off"
        )

    def plan(self) -> tuple[TargetStatus, ...]:
        """What a build would do, as a status; provides nothing and starts nothing."""
        return self.session.status(self.labels)

    def files(self, key: ActionKey) -> tuple[str, ...]:
        """The input files of an action of this build."""
        return self._files.get(key, ())

    def readable(self, key: ActionKey, text: str) -> str:
        """A step's output with the paths of the workspace."""
        return with_real_paths(text, self._files.get(key, ()))

    def _once(self, options: Options) -> BuildReport:
        session = self.session
        targets, bases = session.caches.keyed(session.bases(), self._keyed)
        missing = {name for target in targets for name in target.missing_bases}
        if missing:
            actions = [target.actions for target in targets]
            order = most_urgent_first(missing, actions, session.expected_s())
            bases |= self._provide(order, bases)
            targets = self._keyed(bases)
        lookup = session.look_up(targets)
        self._remember(targets, lookup)
        awaiting = [target for target in targets if target.open]

        def grow(key: ActionKey) -> tuple[KeyedTarget, ...]:
            labels = tuple(target.label for target in awaiting if key in target.awaited)
            grown = self._keyed(bases, labels)
            self._remember(grown, session.look_up(grown))
            return grown

        builder = session.builder(session.locator(), self.judge)
        with builder as running, self.tracer.span("actions"):
            report = running.build(targets, lookup, references(bases), options, grow)
        self._record_built(report)
        self._share_around(report, targets)
        if self.noted:
            session.caches.note(_needed(report), bases.values(), session.made_by["commit"])
        return report

    def _share_around(self, report: BuildReport, targets: tuple[KeyedTarget, ...]) -> None:
        """Whoever takes over what was built here will want what is below it."""
        built = {target.label for target in report.targets if target.outcome is Outcome.BUILT}
        around = [target for target in targets if target.label in built]
        if around:
            self.session.caches.share(around, self.session.workspace.settings.bases)

    def _keyed(
        self, bases: Mapping[str, KnownBase], labels: tuple[Label, ...] | None = None
    ) -> tuple[KeyedTarget, ...]:
        keyed = self.session.keyed if self.judge is None else self.session.keyed_tests
        return keyed(self.labels if labels is None else labels, bases)

    @timed("bases")
    def _provide(self, names: list[str], bases: Mapping[str, KnownBase]) -> dict[str, KnownBase]:
        """Provide bases, and meanwhile the engine that will build on them."""
        provider = self.session.base_provider()

        def provide(name: str) -> KnownBase:
            with self.tracer.span("base", name):
                return provider.provide(bases[name].base)

        with ThreadPoolExecutor(_PARALLEL_BASES + 1, thread_name_prefix="base") as pool:
            engine = pool.submit(_warm_up, self.session)
            known = list(pool.map(provide, names))
            engine.result()
        pins = {k.base.name: k.reference for k in known if k.origin == "registry" and k.reference}
        if pins:
            self.session.write_pins(pins)
        return {known_base.base.name: known_base for known_base in known}

    @timed("reasons")
    def _remember(self, targets: tuple[KeyedTarget, ...], lookup: Lookup) -> None:
        store, last = self.session.machine.store, self.session.last_built.key
        for target in targets:
            for layer in status_of(target, lookup, store, last).layers:
                if layer.key is not None and layer.reasons:
                    self.reasons[layer.key] = layer.reasons
            for keyed in target.layers:
                self._files[keyed.key] = tuple(
                    path for source in keyed.action.sources for path in source.paths
                )

    @timed("record")
    def _record_built(self, report: BuildReport) -> None:
        changed = self.session.last_built.update(
            {
                target.label: {
                    layer.name: layer.key
                    for layer in target.layers
                    if layer.result is not None and layer.key is not None
                }
                for target in report.targets
            }
        )
        self._note_use(changed)

    def _note_use(self, changed: frozenset[ActionKey]) -> None:
        """What of the store this workspace uses now, or did until now; and once a day all of it."""
        session = self.session
        store = session.machine.store
        all_of_it = not store.usage.is_noted(session.root)
        if changed or all_of_it:
            paths = (path for path, _, _ in session.machine.sights.rows())
            facts = [
                path.rpartition("/")[2] for path in paths if path.startswith(store.facts_folder)
            ]
            names = changed.union(session.last_built.keys() if all_of_it else ())
            store.usage.note(session.root, names, facts)


def _needed(report: BuildReport) -> dict[ActionKey, ImageDigest]:
    return {
        layer.key: layer.result.digest
        for target in report.targets
        for layer in target.layers
        if layer.key is not None and layer.result is not None
    }


def _warm_up(session: Session) -> None:
    # What is wrong with the engine is said again, and better, when the first action needs it.
    try:
        session.locator().engine()
    except BuildsysError:
        return


def bootstrap_all(
    provider: BaseProvider,
    bases: tuple[Base, ...],
    done: Callable[[Base, str], None],
    *,
    force: bool,
) -> None:
    """Bootstrap bases whatever a registry would say.

    Raises:
        MachineError: one can't be made here, or names no bootstrap.
    """
    for base in bases:
        if base.bootstrap is None:
            raise MachineError(f"base `{base.name}` names no bootstrap")
        done(base, provider.bootstrap(base.bootstrap, force=force))
