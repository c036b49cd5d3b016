"""Made-up targets, and a made-up machine to build them on: nothing but values, a tmp folder and doubles."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from buildsys.errors import BuildsysError
from buildsys.execution.builder import Builder
from buildsys.execution.lookup import TargetStatus, look_up, status_of
from buildsys.execution.options import Options
from buildsys.execution.perform import Performer
from buildsys.execution.ports import Judge, SharedCache, SharedResult
from buildsys.execution.report import BuildReport
from buildsys.execution.sharing import Sharing
from buildsys.keys.keying import KeyedTarget, keyed
from buildsys.model.action import Action, Manifest, Role, SourceInput, TargetActions
from buildsys.model.digest import ActionKey, digest_of
from buildsys.model.dockerfile import Stage
from buildsys.model.label import Label
from tests.fakes import (
    PINNED,
    DictFiles,
    FakeClock,
    FakeSolver,
    File,
    MemoryStore,
    RecordingSink,
    result_of,
)

PLATFORM = "linux/amd64"
BASE = "alpine"
BASES = {BASE: "docker.io/library/alpine:3.22@sha256:" + "a" * 64}


def action(
    layer: str,
    files: Iterable[str] = (),
    *,
    below: Iterable[str] = (),
    stand_ins: Mapping[str, str] | None = None,
    accelerator: bool = False,
    text: str = "RUN make",
    bases: tuple[str, ...] = (),
    names_only: Iterable[str] = (),
    derived: Mapping[str, str] | None = None,
    pinned: Iterable[str] = (),
    awaits: str = "",
    role: Role = Role.DEPENDENCY,
) -> Action:
    """One layer of one stage; the stage is named after the layer."""
    names = tuple(below)
    base = next(iter((*names, *bases)), "scratch")
    context = f"{layer}-inputs"
    lines = [f"COPY --from={name} / /{name}" for name in names[1:]]
    lines += [f"{PINNED} {name}" for name in pinned]
    sources: tuple[SourceInput, ...] = ()
    if tuple(files) or tuple(names_only) or derived or awaits:
        texts = tuple((derived or {}).items())
        sources = (SourceInput(context, tuple(files), tuple(names_only), texts),)
        lines.append(f"COPY --from={context} / /src/")
    return Action(
        layer=layer,
        role=role,
        rule="made_up",
        rule_version=1,
        stages=(Stage(layer, base, (*lines, text)),),
        platform=PLATFORM,
        sources=sources,
        bases=bases,
        layers=names,
        stand_ins=stand_ins,
        pinned=tuple(pinned),
        accelerator=accelerator,
        awaits=awaits,
        unknown=(f"what {awaits} tells",) if awaits else (),
        rewrite_times=role is Role.CODE,
    )


def target(name: str, *actions: Action, max_size: int | None = None) -> TargetActions:
    return TargetActions(Label(f"cmd/{name}", name), "made_up", actions, max_size)


def service(name: str, *files: str, accelerated: bool = True) -> TargetActions:
    """A target like those of Go: modules, an accelerator on them, and the code."""
    modules = action("modules", ("go.mod",), bases=(BASE,))
    packages = action("packages", below=("modules",), accelerator=True)
    over = ("packages",) if accelerated else ("modules",)
    image = action(
        "image",
        files or (f"cmd/{name}/main.go",),
        below=over,
        stand_ins={"packages": "modules"} if accelerated else None,
        text=f"RUN build {name}",
        role=Role.CODE,
    )
    layers = (modules, packages, image) if accelerated else (modules, image)
    return target(name, *layers)


def told(content: object) -> str:
    """What a layer tells of another layer's inputs: less than all that is in it."""
    digest = digest_of(json.dumps(content, sort_keys=True).encode())
    return f"the last digit is {'odd' if int(digest[-1], 16) % 2 else 'even'}"


def closed(one: TargetActions, contents: Mapping[str, object]) -> TargetActions:
    """The target when it is known what is in some of its layers."""
    return replace(
        one, actions=tuple(_closed(a, contents) if a.awaits in contents else a for a in one.actions)
    )


def _closed(one: Action, contents: Mapping[str, object]) -> Action:
    (source,) = one.sources
    derived = (*source.derived, ("told", told(contents[one.awaits])))
    return replace(one, awaits="", unknown=(), sources=(replace(source, derived=derived),))


def source_files(*paths: str) -> dict[str, File]:
    return {path: File(f"content of {path}".encode()) for path in paths}


def awaiting(targets: Iterable[KeyedTarget], key: ActionKey) -> tuple[Label, ...]:
    """The targets that can't be keyed before the layer with this key is there."""
    return tuple(target.label for target in targets if key in target.awaited)


@dataclass
class Checkout:
    """A made-up checkout with its machine; what it had built last it remembers, like `.bs/built.json`."""

    store: MemoryStore
    files: dict[str, File]
    solver: FakeSolver = field(default_factory=lambda: FakeSolver(frozenset({"packages"})))
    sink: RecordingSink = field(default_factory=RecordingSink)
    clock: FakeClock = field(default_factory=FakeClock)
    bases: dict[str, str] = field(default_factory=lambda: dict(BASES))
    expected_s: dict[str, float] = field(default_factory=dict)
    judge: Judge | None = None
    shared: SharedCache | None = None
    shared_bases: dict[str, tuple[SharedResult, Manifest]] = field(default_factory=dict)
    last: dict[tuple[Label, str], ActionKey] = field(default_factory=dict)

    @property
    def sources(self) -> DictFiles:
        return DictFiles(self.files)

    def performer(self) -> Performer:
        return Performer(
            self.store,
            self.store,
            self.sources,
            self.solver,
            self.clock,
            {"host": "here"},
            self.judge,
            Sharing(self.shared, self.store, self.store, self.shared_bases)
            if self.shared is not None
            else None,
        )

    def keyed(self, targets: Iterable[TargetActions]) -> tuple[KeyedTarget, ...]:
        """With what the layers that are stored tell."""
        return tuple(map(self._closed, keyed(targets, self.sources, self.bases)))

    def _closed(self, one: KeyedTarget) -> KeyedTarget:
        stored = {
            layer.action.layer: result_of(self.store.layout, result.digest)
            for layer in one.layers
            if layer.key in one.awaited and (result := self.store.get(layer.key)) is not None
        }
        if not stored:
            return one
        (again,) = keyed([closed(one.actions, stored)], self.sources, self.bases)
        return self._closed(again)

    def build(
        self,
        *targets: TargetActions,
        jobs: int = 1,
        keep_going: bool = False,
        force: bool = False,
        rerun_tests: bool = False,
        images: bool = False,
    ) -> BuildReport:
        """Build from a fresh look at the files, on a clean record of events."""
        self.sink.events.clear()
        self.solver.requests.clear()
        planned = self.keyed(targets)
        builder = Builder(self.performer(), self.sink, self.expected_s)
        options = Options(
            jobs, keep_going=keep_going, force=force, rerun_tests=rerun_tests, images=images
        )
        by_label = {one.label: one for one in targets}
        report = builder.build(
            planned,
            look_up(planned, self.store, self.last_built, self.shared),
            self.bases,
            options,
            lambda key: self.keyed(by_label[label] for label in awaiting(planned, key)),
        )
        for made in report.targets:
            for layer in made.layers:
                if layer.result is not None and layer.key is not None:
                    self.last[made.label, layer.name] = layer.key
        return report

    def status(self, *targets: TargetActions) -> tuple[TargetStatus, ...]:
        planned = self.keyed(targets)
        lookup = look_up(planned, self.store, shared=self.shared)
        return tuple(status_of(one, lookup, self.store, self.last_built) for one in planned)

    def last_built(self, label: Label, layer: str) -> ActionKey | None:
        return self.last.get((label, layer))

    @property
    def ran(self) -> list[str]:
        """Layers that were started by the last build, sorted."""
        return sorted(
            f"{event.layer} of {' '.join(map(str, event.labels))}" for event in self.sink.started
        )

    def edit(self, path: str, content: str) -> None:
        self.files[path] = File(content.encode())


def only_error(report: BuildReport) -> BuildsysError:
    (error,) = report.errors
    return error
