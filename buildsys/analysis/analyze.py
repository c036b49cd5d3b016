"""Targets → actions: what the sources tell about each target, handed to its rule."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from buildsys.analysis.go_services import GoServices
from buildsys.analysis.python_sources import has_python_tests, python_sources, python_tests
from buildsys.analysis.rust_sources import rust_sources, rust_tests
from buildsys.errors import BuildFileError
from buildsys.model.action import TargetActions
from buildsys.model.components import Component
from buildsys.model.globs import matcher
from buildsys.model.graph import Cycle, Graph
from buildsys.model.label import Label
from buildsys.model.sources import (
    DockerSources,
    GoSources,
    ModuleFacts,
    PythonSources,
    RustSources,
    SourceTree,
)
from buildsys.model.target import ROOT_BUILD_FILE, Base, Target
from buildsys.rules.crossing import crossed
from buildsys.rules.registry import DOCKER, GO, PYTHON, RUST

USELESS = (
    f"**/{ROOT_BUILD_FILE}", "**/.*", "**/*.md", "**/*.MD", "**/*.log", "**/Dockerfile*", "**/*.orig",
    "**/*~",
)  # fmt: skip
"""Files of a package that no image needs; `data` brings them back."""

USELESS_IN_PYTHON = (
    *USELESS, "**/tests/**", "**/docs/**", "**/test_*.py", "**/*_test.py", "**/conftest.py",
    "**/pytest.ini", "**/requirements*.txt", "**/requirements*.in", "**/*.pyc",
    "**/pyproject.toml", "**/setup.py", "**/setup.cfg", "**/tox.ini", "**/noxfile.py", "**/MANIFEST.in",
    "**/mypy.ini", "**/pylintrc", "**/ruff.toml", "**/pyrightconfig.json", "**/uv.lock", "**/poetry.lock",
    "**/pdm.lock", "**/Pipfile", "**/Pipfile.lock",
)  # fmt: skip
"""Without imports that say so, a Python package's files all count, but for tests, documents and what only
tools of development read."""

USELESS_IN_PYTHON_TESTS = (
    *USELESS, "**/requirements*.txt", "**/requirements*.in", "**/mypy.ini", "**/pylintrc", "**/ruff.toml",
    "**/pyrightconfig.json",
)  # fmt: skip
"""What is installed is decided by the layers below."""

USELESS_IN_RUST = (
    *USELESS, "**/rustfmt.toml", "**/clippy.toml", "**/deny.toml", "**/cliff.toml", "**/bacon.toml",
)  # fmt: skip

AnySources: TypeAlias = DockerSources | GoSources | PythonSources | RustSources


@dataclass(slots=True)
class Analysis:
    """Analyses the targets of one workspace; remembers what it found."""

    targets: Mapping[Label, Target]
    tree: SourceTree
    platform: str
    exclude: tuple[str, ...] = ()
    """Patterns of the root BUILD.yaml, relative to the workspace."""
    bases: Mapping[str, Base] = field(default_factory=dict)
    machine: str = ""
    """The platform that builds, where it is another one than `platform`."""
    _services: GoServices | None = None

    def knowing(self, facts: ModuleFacts, *, last: bool = False) -> "Analysis":
        """The same analysis with what is known of modules now; `last` says that nothing more will be."""
        return replace(self, _services=self._go().knowing(facts, last=last))

    def actions(self, labels: Iterable[Label]) -> tuple[TargetActions, ...]:
        """The actions of the targets.

        Raises:
            BuildFileError: a source or a manifest can't be understood, or `deps` form a cycle.
        """
        self._check_cycles()
        return tuple(self._actions(self.targets[label]) for label in labels)

    def test_actions(self, labels: Iterable[Label]) -> tuple[TargetActions, ...]:
        """What running the tests takes, of those targets that have any; raises as `actions` does."""
        self._check_cycles()
        found = (self._test_actions(self.targets[label]) for label in labels)
        return tuple(actions for actions in found if actions is not None)

    def locked_components(self, label: Label) -> tuple[Component, ...]:
        """What a lock file says that a program may have, where the program itself doesn't say."""
        target = self.targets[label]
        if target.rule != RUST.name:
            return ()
        from buildsys.analysis.cargo_components import locked_components  # noqa: PLC0415

        return locked_components(self.tree, self._rust_sources(target))

    def _test_actions(self, target: Target) -> TargetActions | None:
        if target.rule == DOCKER.name:
            return None
        extra = (
            *self._named(target, "data"),
            *self._named(target, "test_data"),
            *self._files_of_deps(target),
        )
        if target.rule == GO.name:
            named = (*self._named(target, "data"), *self._named(target, "test_data"))
            go, tests = self._go().tests(target, named)
            tests = replace(tests, files=_merged(tests.files, extra))
            return GO.tests(target, go, tests, self.platform) if tests.packages else None
        if target.rule == PYTHON.name:
            tests = python_tests(
                self.tree,
                target.label.package,
                exclude=self._left_out(target, USELESS_IN_PYTHON_TESTS),
                whole=lambda path: path in extra,
            )
            if not has_python_tests(tests.files):
                return None
            tests = replace(tests, files=_merged(tests.files, extra))
            return PYTHON.tests(target, self._python_sources(target), tests, self.platform)
        rust = self._rust_sources(target)
        own = rust_tests(self.tree, rust, exclude=self._left_out(target, USELESS_IN_RUST))
        return RUST.tests(
            target, rust, replace(own, files=_merged(own.files, extra)), self.platform
        )

    def _actions(self, target: Target) -> TargetActions:
        if target.rule == DOCKER.name:
            return DOCKER.actions(target, self._docker_sources(target), self.platform)
        extra = self._files_of_deps(target)
        assert not self.machine or target.rule == GO.name, "BUG: only Go has platforms"
        if target.rule == GO.name:
            data = self._named(target, "data")
            go = self._go().image(target, data)
            go = replace(go, files=_merged(go.files, data, extra))
            actions = GO.actions(target, go, self.platform)
            return crossed(actions, self.machine) if self.machine else actions
        if target.rule == PYTHON.name:
            python = self._python_sources(target)
            python = replace(python, files=_merged(python.files, extra))
            return PYTHON.actions(target, python, self.platform)
        rust = self._rust_sources(target)
        rust = replace(rust, files=_merged(rust.files, self._named(target, "data"), extra))
        return RUST.actions(target, rust, self.platform)

    def _go(self) -> GoServices:
        if self._services is None:
            self._services = GoServices(self.targets, self.tree, self.platform, self._refused)
        return self._services

    def _python_sources(self, target: Target) -> PythonSources:
        left_out = self._left_out_of_image(target, USELESS_IN_PYTHON)
        return python_sources(self.tree, target.label.package, exclude=left_out)

    def _rust_sources(self, target: Target) -> RustSources:
        left_out = self._left_out_of_image(target, USELESS_IN_RUST)
        return rust_sources(self.tree, target.label.package, exclude=left_out)

    def _docker_sources(self, target: Target) -> DockerSources:
        # Most workspaces have no Dockerfile, and then no use for these modules.
        from buildsys.analysis.docker_sources import docker_sources  # noqa: PLC0415

        return docker_sources(
            self.tree,
            target,
            bases=self.bases,
            platform=self.platform,
            exclude=matcher(self.exclude),
        )

    def _left_out(self, target: Target, useless_files: tuple[str, ...]) -> Callable[[str], bool]:
        """Whether a file of the workspace stays out: refused, or of no use to an image."""
        refused, useless, data = (
            self._refused(target),
            matcher(useless_files),
            self._is_named(target, "data"),
        )
        return lambda path: refused(path) or (useless(path) and not data(path))

    def _left_out_of_image(
        self, target: Target, useless_files: tuple[str, ...]
    ) -> Callable[[str], bool]:
        left_out = self._left_out(target, useless_files)
        of_tests, data = self._is_named(target, "test_data"), self._is_named(target, "data")
        return lambda path: left_out(path) or (of_tests(path) and not data(path))

    def _refused(self, target: Target) -> Callable[[str], bool]:
        everywhere, own = matcher(self.exclude), matcher(target.strings("exclude"))
        prefix = f"{target.label.package}/" if target.label.package else ""
        return lambda path: (
            everywhere(path) or (path.startswith(prefix) and own(path.removeprefix(prefix)))
        )

    def _is_named(self, target: Target, attribute: str) -> Callable[[str], bool]:
        """Whether a file is named by an attribute with patterns relative to the package."""
        wanted = matcher(target.strings(attribute))
        prefix = f"{target.label.package}/" if target.label.package else ""
        return lambda path: path.startswith(prefix) and wanted(path.removeprefix(prefix))

    def _named(self, target: Target, attribute: str) -> tuple[str, ...]:
        if not target.strings(attribute):
            return ()
        wanted = self._is_named(target, attribute)
        return tuple(p for p in self.tree.files_below(target.label.package) if wanted(p))

    def _files_of_deps(self, target: Target) -> tuple[str, ...]:
        """Sources of the targets named in `deps`, and of those that they name."""
        if not target.deps:
            return ()
        names = {label: found.deps for label, found in self.targets.items()}
        return tuple(
            path
            for label in sorted(Graph(names).closure(target.deps))
            for path in self._sources(self.targets[label]).files
        )

    def _sources(self, target: Target) -> AnySources:
        if target.rule == DOCKER.name:
            return self._docker_sources(target)
        if target.rule == GO.name:
            return self._go().sources(target)
        return (
            self._python_sources(target)
            if target.rule == PYTHON.name
            else self._rust_sources(target)
        )

    def _check_cycles(self) -> None:
        # Most workspaces need no `deps`, and then no graph either.
        if not any(target.deps for target in self.targets.values()):
            return
        try:
            Graph({label: target.deps for label, target in self.targets.items()}).order()
        except Cycle as cycle:
            path = " → ".join(map(str, cycle.path))
            raise BuildFileError(
                f"targets need each other in a circle: {path}",
                at=self.targets[cycle.path[0]].at,
                hint="remove one of these `deps`",
            ) from None


def _merged(*files: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set().union(*files)))
