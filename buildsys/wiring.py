"""Where adapters are put together, for one command in one workspace. Nothing here decides anything."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

from buildsys import sights
from buildsys.analysis.analyze import Analysis
from buildsys.caching import Caches, modes_of
from buildsys.execution.bases import BaseProvider, KnownBase, known_bases
from buildsys.execution.lookup import Lookup, TargetStatus, look_up, status_of
from buildsys.execution.ports import Judge
from buildsys.keys.keying import KeyedTarget
from buildsys.knowing import ActionsOf, Knowing
from buildsys.loading import bases_lock
from buildsys.loading.patterns import select
from buildsys.loading.workspace import Workspace, load
from buildsys.machine import Machine, SystemClock
from buildsys.model.label import Label
from buildsys.rules.registry import RULES, TYPICAL_S
from buildsys.store import durable
from buildsys.store.scratch import swept_folder
from buildsys.tracing import UNTRACED, Tracer, timed
from buildsys.workspace.index import FileIndex
from buildsys.workspace.last_built import LastBuilt
from buildsys.workspace.root import find_root
from buildsys.workspace.tree import DiskTree

if TYPE_CHECKING:
    from buildsys.engine.locate import EngineLocator
    from buildsys.execution.builder import Builder


@dataclass
class Session:
    """One command in one workspace."""

    machine: Machine
    start: str
    targets: tuple[KeyedTarget, ...] = ()
    """Of the last status."""
    cache: str = ""
    """What `--cache` says."""
    platform: str = ""
    """Of the images; the machine's own by default."""

    @property
    def crossing(self) -> bool:
        """Whether images are for another platform than this machine's."""
        return self.platform not in {"", self.machine.platform}

    @property
    def tracer(self) -> Tracer:
        return self.machine.tracer

    @cached_property
    def root(self) -> str:
        return find_root(self.start, self.machine.sights)

    @cached_property
    @timed("index")
    def index(self) -> FileIndex:
        index = FileIndex.load(os.path.join(self.root, ".bs", "index"))
        index.begun_ns()
        return index

    @cached_property
    def tree(self) -> DiskTree:
        return DiskTree(self.root, self.index, self.machine.sights)

    @cached_property
    @timed("load")
    def workspace(self) -> Workspace:
        return load(self.tree, RULES)

    @cached_property
    def last_built(self) -> LastBuilt:
        name = f"built-{self.platform.replace('/', '-')}.json" if self.crossing else "built.json"
        path = os.path.join(self.root, ".bs", name)
        self.machine.sights.look(path, replaced=True)
        return LastBuilt(path)

    @timed("select")
    def select(self, patterns: tuple[str, ...]) -> tuple[Label, ...]:
        here = os.path.relpath(os.path.realpath(self.start), self.root)
        package = "" if here == "." else here.replace(os.sep, "/")
        return select(patterns or ("all",), self.workspace.targets, package)

    @timed("known bases")
    def bases(self) -> dict[str, KnownBase]:
        found = self.workspace.settings.bases.values()
        return known_bases(found, self._pins(), self.machine.store, self.machine.platform)

    def keyed(
        self, labels: tuple[Label, ...], bases: Mapping[str, KnownBase]
    ) -> tuple[KeyedTarget, ...]:
        return self._keyed(labels, bases, Analysis.actions)

    def keyed_tests(
        self, labels: tuple[Label, ...], bases: Mapping[str, KnownBase]
    ) -> tuple[KeyedTarget, ...]:
        """The tests of those targets that have any."""
        return self._keyed(labels, bases, Analysis.test_actions)

    @cached_property
    def analysis(self) -> Analysis:
        settings = self.workspace.settings
        return Analysis(
            self.workspace.targets,
            self.tree,
            self.platform or self.machine.platform,
            settings.exclude,
            settings.bases,
            self.machine.platform if self.crossing else "",
        )

    def _keyed(
        self, labels: tuple[Label, ...], bases: Mapping[str, KnownBase], actions: ActionsOf
    ) -> tuple[KeyedTarget, ...]:
        machine_, digests = self.machine, references(bases)
        facts = machine_.module_facts(digests, self.platform)
        shared = self.caches.shared
        knowing = Knowing(
            self.analysis, self.tree, machine_.store, facts, digests, self.tracer, shared
        )
        found = knowing.keyed(labels, actions)
        with self.tracer.span("index"):
            self.index.save()
        return found

    def status(self, labels: tuple[Label, ...]) -> tuple[TargetStatus, ...]:
        targets, _ = self.caches.keyed(self.bases(), partial(self.keyed, labels))
        self.targets = targets
        lookup = self.look_up(targets)
        store, last = self.machine.store, self.last_built.key
        with self.tracer.span("reasons"):
            return tuple(status_of(target, lookup, store, last) for target in targets)

    @cached_property
    def caches(self) -> Caches:
        environment = self.machine.environment
        modes = modes_of(self.cache, environment)
        return Caches(self.machine, self.workspace.settings.cache, modes, self._buildkit)

    def _buildkit(self) -> dict[str, str]:
        version = self.locator().version()
        return {"buildkit": version} if version else {}

    def locator(self) -> "EngineLocator":
        return self.machine.locator(self.workspace.settings.engine, self.root)

    @timed("look up")
    def look_up(self, targets: tuple[KeyedTarget, ...]) -> Lookup:
        caches = self.caches
        return look_up(targets, caches.local, self.last_built.key, caches.shared)

    def forget_files(self) -> None:
        """Look at the checkout anew: a source changed while it was being built."""
        for name in ("tree", "workspace", "index", "analysis"):
            self.__dict__.pop(name, None)

    def remember(self, arguments: tuple[str, ...], code: int, text: str) -> str:
        """Keep the answer of a command that changed nothing and said nothing else; returns its checksum."""
        if not arguments or self.machine.said or self.caches.asked:
            return ""
        seen, now_ns = self.machine.sights, self.index.begun_ns()
        return sights.remember(self.root, arguments, (code, text), seen, now_ns)

    def remember_status(
        self,
        arguments: tuple[str, ...],
        answer: tuple[int, str],
        statuses: tuple[TargetStatus, ...],
        flags: tuple[bool, bool],
    ) -> None:
        """Keep the answer, and what it takes to give another one after an edit."""
        from buildsys.edits.keeping import Said, keep  # noqa: PLC0415

        if not self.caches.plain:
            # After an edit, others may have made what isn't here.
            self.remember(arguments, *answer)
            return
        store = self.machine.store
        said = Said(self.targets, statuses, self.last_built.key, store.manifest)
        remember = partial(self.remember, arguments, *answer)
        keep(said, self.tree, store.records_folder, flags, remember)

    def _pins(self) -> dict[str, str]:
        if not self.tree.is_file(bases_lock.NAME):
            return {}
        return bases_lock.parse(self.tree.text(bases_lock.NAME))

    def base_provider(self) -> BaseProvider:
        from buildsys.engine.bootstrap import Mmdebstrap  # noqa: PLC0415
        from buildsys.engine.in_memory import working_folder  # noqa: PLC0415
        from buildsys.registry.resolve import resolve  # noqa: PLC0415

        machine_ = self.machine
        scratch = working_folder(os.path.join(machine_.cache_folder, "engine", "scratch"))
        folder = partial(swept_folder, scratch)
        bootstrapper = Mmdebstrap(folder, machine_.environment.get("PATH", ""), machine_.note)
        store = machine_.store
        sharing = self.caches.sharing
        return BaseProvider(
            store, store, bootstrapper, resolve, SystemClock(), machine_.platform, self.made_by,
            sharing.give if sharing is not None else None,
        )  # fmt: skip

    @cached_property
    @timed("commit")
    def made_by(self) -> dict[str, str]:
        from buildsys.workspace.maker import made_by  # noqa: PLC0415 - only who makes something asks

        return made_by(self.root, self.machine.environment)

    def write_pins(self, pins: Mapping[str, str]) -> None:
        """Add pins to bases.lock."""
        path = os.path.join(self.root, bases_lock.NAME)
        durable.write(path, bases_lock.render(self._pins() | dict(pins)).encode())
        self.forget_files()

    @contextmanager
    def builder(self, locator: "EngineLocator", judge: Judge | None = None) -> Iterator["Builder"]:
        """A builder whose engine is kept from idling meanwhile."""
        from buildsys.engine.buildctl import BuildctlSolver  # noqa: PLC0415
        from buildsys.engine.failover import failing_over  # noqa: PLC0415
        from buildsys.execution.builder import Builder  # noqa: PLC0415
        from buildsys.execution.perform import Performer  # noqa: PLC0415
        from buildsys.workspace.sealing import DiskSealer  # noqa: PLC0415

        machine_ = self.machine
        one = BuildctlSolver(machine_.ca_bundle, machine_.proxies)
        solver = failing_over(one, locator, machine_.warn)
        store = machine_.store
        caches = self.caches
        performer = Performer(
            caches.local, store, DiskSealer(self.root), solver, SystemClock(), self.made_by, judge,
            caches.sharing,
        )  # fmt: skip
        if self.tracer is not UNTRACED:
            from buildsys.reporting.traced_ports import traced  # noqa: PLC0415

            performer = traced(performer, self.tracer)
        with locator.in_use():
            yield Builder(performer, machine_.sink, self.expected_s())

    @timed("expectations")
    def expected_s(self) -> dict[str, float]:
        """How long layers took when they were last built here, by name, or else take typically."""
        last = self.last_built.keys()
        records = (self.machine.store.record(key) for key in last)
        return dict(TYPICAL_S) | {
            str(record.manifest.get("layer")): record.result.duration_s
            for record in records
            if record is not None
        }


def references(bases: Mapping[str, KnownBase]) -> dict[str, str]:
    return {name: known.reference for name, known in bases.items() if known.reference is not None}
