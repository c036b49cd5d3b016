"""Reads stories and acts them out; the commands are described in README.md beside this file."""

import os
import shlex
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from buildsys.comparing import compare
from buildsys.errors import BuildFailed, BuildsysError
from buildsys.execution.bases import KnownBase
from buildsys.execution.builder import Builder
from buildsys.execution.lookup import status_of
from buildsys.execution.options import Options
from buildsys.execution.perform import Performer
from buildsys.keys.affected import Affected
from buildsys.keys.explain import Reason
from buildsys.loading import bases_lock
from buildsys.machine import Machine
from buildsys.rules.bases import BUILT_IN
from buildsys.wiring import Session
from buildsys.workspace.sealing import DiskSealer
from tests.builds import awaiting
from tests.commits import git
from tests.fakes import FakeClock, FakeSolver, RecordingSink

ACCELERATORS = frozenset({"packages"})
MODULES = {
    "example.com/zap@v1.0.0": ["example.com/zap:fmt:example.com/zap/core", "example.com/zap/core"]
}
"""Modules of this world: packages, each with its imports behind colons."""


@dataclass(frozen=True)
class Story:
    """Commands with their line numbers, then files."""

    commands: tuple[tuple[int, list[str]], ...]
    files: dict[str, str]


def parse(text: str) -> Story:
    commands: list[tuple[int, list[str]]] = []
    files: dict[str, str] = {}
    current = ""
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("-- ") and line.endswith(" --"):
            current = line[3:-3]
            files[current] = ""
        elif current:
            files[current] += line + "\n"
        elif words := shlex.split(line, comments=True):
            commands.append((number, words))
    return Story(tuple(commands), files)


@dataclass
class Stage:
    """One checkout, one store, and what the last command came to."""

    folder: Path
    pins: dict[str, str] = field(
        default_factory=lambda: {base.name: f"{base.image}@sha256:{'0' * 64}" for base in BUILT_IN}
    )
    root: Path = Path()
    jobs: int = 1
    sink: RecordingSink = field(default_factory=RecordingSink)
    solver: FakeSolver = field(default_factory=lambda: FakeSolver(ACCELERATORS))
    modules: dict[str, list[str]] = field(default_factory=lambda: dict(MODULES))
    refused: str = ""
    moves: int = 0

    def set_up(self, files: dict[str, str]) -> None:
        self.root = self.folder / "checkout"
        for path, text in files.items():
            self.write(path, text)
        self._age()

    def __post_init__(self) -> None:
        self.solver.leaves["modules"] = self._listing

    def act(self, words: list[str]) -> None:
        name, *arguments = words
        command = getattr(self, name)
        if self.refused and name != "error":
            raise AssertionError(f"refused: {self.refused}")
        if name == "error":
            command(*arguments)
            return
        try:
            command(*arguments)
        except BuildsysError as error:
            self.refused = f"{error} ({error.hint})"

    # --- what bs does ---------------------------------------------------------------------------

    def session(self) -> Session:
        return Session(
            Machine({"BS_CACHE_DIR": str(self.folder / "cache")}, self.sink), str(self.root)
        )

    def build(self, *arguments: str) -> None:
        flags = {argument for argument in arguments if argument in {"-k", "--force"}}
        self.sink.events.clear()
        session = self.session()
        labels = session.select(tuple(a for a in arguments if a not in flags))
        targets = session.keyed(labels, self._bases())
        store = session.machine.store
        performer = Performer(
            store, store, DiskSealer(session.root), self.solver, FakeClock(), {"host": "here"}
        )
        options = Options(self.jobs, keep_going="-k" in flags, force="--force" in flags)
        report = Builder(performer, self.sink, {}).build(
            targets,
            session.look_up(targets),
            self.pins,
            options,
            lambda key: session.keyed(awaiting(targets, key), self._bases()),
        )
        session.last_built.update(
            {
                target.label: {
                    layer.name: layer.key
                    for layer in target.layers
                    if layer.result is not None and layer.key is not None
                }
                for target in report.targets
            }
        )

    def ran(self, *words: str) -> None:
        wanted = [] if words == ("nothing",) else sorted(_pairs(words))
        found = sorted(
            f"{event.layer} of {'+'.join(label.name for label in event.labels)}"
            for event in self.sink.started
        )
        assert found == wanted, f"ran {found}"

    def failed(self, *layers: str) -> None:
        found = [
            name.split()[0] for name, outcome in self.sink.outcomes.items() if outcome == "failed"
        ]
        assert sorted(found) == sorted(layers), f"failed {found}"

    def status(self, name: str, state: str, *reasons: str) -> None:
        session = self.session()
        targets = session.keyed(session.select((name,)), self._bases())
        found = status_of(
            targets[0], session.look_up(targets), session.machine.store, session.last_built.key
        )
        image = found.layers[-1]
        shown = sorted(map(_reason, image.reasons))
        assert (str(image.state), shown) == (state, sorted(reasons)), f"{image.state} {shown}"

    def affected(self, *words: str) -> None:
        """Since the last commit: names of targets, each with what of it and why."""
        session = self.session()
        found = compare(session, session.select(()), "HEAD")
        assert not found.obstacle, found.obstacle
        shown = [word for one in found.targets for word in _affected(one)]
        wanted = [] if words == ("nothing",) else list(words)
        assert shown == wanted, f"affected {shown}"

    def error(self, text: str) -> None:
        assert text in self.refused, f"refused: {self.refused or 'nothing'}"
        self.refused = ""

    # --- what people do -------------------------------------------------------------------------

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.replace("\\n", "\n"))

    def append(self, path: str, text: str) -> None:
        self.write(path, (self.root / path).read_text() + text)

    def replace(self, path: str, old: str, new: str) -> None:
        text = (self.root / path).read_text()
        assert old in text, f"`{old}` isn't in {path}"
        self.write(path, text.replace(old, new, 1))

    def remove(self, path: str) -> None:
        (self.root / path).unlink()

    def rename(self, path: str, other: str) -> None:
        (self.root / path).rename(self.root / other)

    def link(self, path: str, text: str) -> None:
        (self.root / path).symlink_to(text)

    def chmod(self, mode: str, path: str) -> None:
        (self.root / path).chmod(int(mode, 8))

    def touch(self, path: str) -> None:
        os.utime(self.root / path, ns=(1_700_000_000_000_000_000, 1_700_000_000_000_000_000))

    def module(self, name: str, *packages: str) -> None:
        self.modules[name] = list(packages)

    def silent(self) -> None:
        self.solver.leaves.clear()

    def forget_modules(self) -> None:
        shutil.rmtree(self.folder / "cache" / "store" / "facts")

    def evict(self, layer: str) -> None:
        store = self.session().machine.store
        for record in store.records():
            if record.manifest["layer"] == layer:
                os.unlink(store.blobs.path(record.result.digest))

    def umask(self, mode: str) -> None:
        before = os.umask(int(mode, 8))
        try:
            for path in self._files():
                content = path.read_bytes()
                path.unlink()
                path.write_bytes(content)
        finally:
            os.umask(before)

    def move(self) -> None:
        self.moves += 1
        other = self.folder / f"elsewhere-{self.moves}" / "deeper"
        other.parent.mkdir()
        shutil.move(self.root, other)
        self.root = other

    def forget(self) -> None:
        shutil.rmtree(self.root / ".bs")

    def empty(self) -> None:
        shutil.rmtree(self.folder / "cache")

    def commit(self) -> None:
        """All files, and the pins of the bases."""
        self.write(bases_lock.NAME, bases_lock.render(self.pins))
        git(self.root, "init", "-q")
        git(self.root, "add", ".")
        git(self.root, "commit", "-qm", "story")

    def base(self, name: str, character: str) -> None:
        self.pins[name] = f"{self.pins[name].partition('@')[0]}@sha256:{character * 64}"

    def pin(self) -> None:
        """Write the pins of the bases into the checkout."""
        self.write(bases_lock.NAME, bases_lock.render(self.pins))

    def mirror(self, name: str, registry: str) -> None:
        self.pins[name] = f"{registry}@{self.pins[name].partition('@')[2]}"

    def set_jobs(self, count: str) -> None:
        self.jobs = int(count)

    def breaks(self, stage: str) -> None:
        self.solver.failures[stage] = BuildFailed(f"{stage} broke")

    def mend(self) -> None:
        self.solver.failures.clear()

    def _bases(self) -> dict[str, KnownBase]:
        return {base.name: KnownBase(base, self.pins[base.name], "registry") for base in BUILT_IN}

    def _listing(self, files: Mapping[str, str]) -> dict[str, str]:
        """What the rule has `go list` write: the packages of the modules that the go.mod at hand requires."""
        required = [
            line.split()[1:3] for line in files["go.mod"].splitlines() if "require " in line
        ]
        lines = [
            f"{number}{package.removeprefix(path).replace(':', ' ')}\n"
            for number, (path, version) in enumerate(required, 1)
            for package in self.modules.get(f"{path}@{version}", ())
        ]
        found = {f"go/facts/{name}": files[name] for name in ("go.mod", "go.sum") if name in files}
        folders = "".join(f"/go/pkg/mod/{path}@{version}\n" for path, version in required)
        return {**found, "go/facts/packages": "".join(lines), "go/facts/folders": folders}

    def _files(self) -> list[Path]:
        return [p for p in self.root.rglob("*") if p.is_file() and ".bs" not in p.parts]

    def _age(self) -> None:
        """Files of a checkout are older than the file system's grain."""
        for path in self._files():
            os.utime(path, ns=(1_600_000_000_000_000_000, 1_600_000_000_000_000_000))


def _pairs(words: tuple[str, ...]) -> list[str]:
    """`image of api packages of api+web` → one text for each layer."""
    assert len(words) % 3 == 0, f"`{' '.join(words)}` isn't `LAYER of NAME+NAME …`"
    return [" ".join(words[start : start + 3]) for start in range(0, len(words), 3)]


def _affected(one: Affected) -> Iterator[str]:
    yield one.label.name
    for layer in one.layers:
        yield from (f"{layer.name}:{_reason(reason)}" for reason in layer.reasons)


def _reason(reason: Reason) -> str:
    return f"{reason.code}:{reason.path or reason.subject}".rstrip(":")
