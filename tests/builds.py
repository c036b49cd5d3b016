"""Made-up targets, and a made-up machine to build them on: nothing but values, a tmp folder and doubles."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from buildsys.errors import BuildsysError
from buildsys.execution.builder import Builder, Options
from buildsys.execution.lookup import TargetStatus, look_up, status_of
from buildsys.execution.perform import Performer
from buildsys.execution.ports import Judge
from buildsys.execution.report import BuildReport
from buildsys.keys.keying import KeyedTarget, keyed
from buildsys.model.action import Action, Role, SourceInput, TargetActions
from buildsys.model.digest import ActionKey
from buildsys.model.dockerfile import Stage
from buildsys.model.label import Label
from tests.fakes import DictFiles, FakeClock, FakeSolver, File, MemoryStore, RecordingSink

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
    role: Role = Role.DEPENDENCY,
) -> Action:
    """One layer of one stage; the stage is named after the layer."""
    names = tuple(below)
    base = next(iter((*names, *bases)), "scratch")
    context = f"{layer}-inputs"
    lines = [f"COPY --from={name} / /{name}" for name in names[1:]]
    sources: tuple[SourceInput, ...] = ()
    if tuple(files) or tuple(names_only) or derived:
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
        accelerator=accelerator,
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


def source_files(*paths: str) -> dict[str, File]:
    return {path: File(f"content of {path}".encode()) for path in paths}


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
        )

    def keyed(self, targets: Iterable[TargetActions]) -> tuple[KeyedTarget, ...]:
        return keyed(targets, self.sources, self.bases)

    def build(
        self,
        *targets: TargetActions,
        jobs: int = 1,
        keep_going: bool = False,
        force: bool = False,
        rerun_tests: bool = False,
    ) -> BuildReport:
        """Build from a fresh look at the files, on a clean record of events."""
        self.sink.events.clear()
        self.solver.requests.clear()
        planned = self.keyed(targets)
        builder = Builder(self.performer(), self.sink, self.expected_s)
        options = Options(jobs, keep_going=keep_going, force=force, rerun_tests=rerun_tests)
        report = builder.build(planned, look_up(planned, self.store), self.bases, options)
        for made in report.targets:
            for layer in made.layers:
                if layer.result is not None:
                    self.last[made.label, layer.name] = layer.key
        return report

    def status(self, *targets: TargetActions) -> tuple[TargetStatus, ...]:
        planned = self.keyed(targets)
        lookup = look_up(planned, self.store)
        return tuple(
            status_of(one, lookup, self.store, lambda label, name: self.last.get((label, name)))
            for one in planned
        )

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
