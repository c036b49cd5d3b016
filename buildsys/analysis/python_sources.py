"""A Python program: the files of its package, and the workspace modules that they import."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from buildsys.analysis.package_files import package_files
from buildsys.analysis.paths import join, parent
from buildsys.analysis.pyproject import PyprojectReader
from buildsys.analysis.python_file import Import, PythonFileReader
from buildsys.analysis.requirements import requirements
from buildsys.model.sources import PythonSources, SourceTree, TestSources

_READER = PythonFileReader()
_SETTINGS_READER = PyprojectReader()
_INIT = "__init__.py"
_SETTINGS = "pyproject.toml"
_CACHE = "__pycache__"
_TEST_MODULE = re.compile(r"test_.*\.py|.*_test\.py")


@dataclass(frozen=True, slots=True)
class _Search:
    """Grows while imports are followed; `modules` are all Python files of the program."""

    tree: SourceTree
    roots: tuple[str, ...]
    modules: set[str]
    folders: dict[str, bool] = field(default_factory=dict)
    """Folders of imported modules, and whether they have an `__init__.py`."""


def python_sources(
    tree: SourceTree,
    package_folder: str,
    *,
    requirements_name: str = "requirements.txt",
    exclude: Callable[[str], bool],
) -> PythonSources:
    """The program in a package; `exclude` refuses files by their path in the workspace.

    A module that is imported counts even if it is refused; requirements aren't among the files.

    Raises:
        BuildFileError: a requirement can't be used, or a file can't be read.
    """
    installed = requirements(tree, package_folder, requirements_name)
    own = {path for path in _own_files(tree, package_folder) if not exclude(path)}
    search = _Search(
        tree,
        tuple(dict.fromkeys((package_folder, ""))),
        {path for path in own if path.endswith(".py")},
    )
    _follow(search)
    beside = (path for path in _data(search) if not exclude(path))
    files = own.union(search.modules, beside).difference(dict(installed))
    return PythonSources(package_folder, installed, tuple(sorted(files)))


def python_tests(
    tree: SourceTree,
    package_folder: str,
    *,
    exclude: Callable[[str], bool],
    whole: Callable[[str], bool] = lambda _: False,
) -> TestSources:
    """The program with its tests, and requirements-dev.txt; raises as `python_sources` does.

    A pyproject.toml enters without what linters read of it, unless it is to enter `whole`.
    """
    found = python_sources(
        tree, package_folder, requirements_name="requirements-dev.txt", exclude=exclude
    )
    settings = [path for path in found.files if path.rpartition("/")[2] == _SETTINGS]
    derived = ((path, tree.facts(path, _SETTINGS_READER)) for path in settings if not whole(path))
    return TestSources(found.files, requirements=found.requirements, derived=tuple(derived))


def has_python_tests(files: Iterable[str]) -> bool:
    """Whether pytest would look for tests in any of them, by its own names for modules."""
    names = (path.rpartition("/")[2] for path in files)
    return any(_TEST_MODULE.fullmatch(name) for name in names)


def _own_files(tree: SourceTree, folder: str) -> Iterator[str]:
    return (path for path in package_files(tree, folder) if not _is_cache(path))


def _is_cache(path: str) -> bool:
    return path.endswith(".pyc") or _CACHE in path.split("/")


def _follow(search: _Search) -> None:
    waiting = sorted(search.modules)
    while waiting:
        path = waiting.pop()
        for wanted in search.tree.facts(path, _READER)["imports"]:
            for found in _imported(search, path, wanted):
                if found not in search.modules:
                    search.modules.add(found)
                    waiting.append(found)


def _imported(search: _Search, path: str, wanted: Import) -> Iterator[str]:
    """The workspace files that an import statement runs."""
    module, level, names = wanted
    parts = module.split(".") if module else []
    for start in _starts(search, path, level):
        yield from _along(search, start, parts)
        home = join(start, "/".join(parts))
        for name in names:
            # Whether a name is a submodule or something inside the module shows only in the tree.
            yield from (
                _modules_of(search.tree, home)
                if name == "*"
                else _along(search, start, [*parts, name])
            )


def _starts(search: _Search, path: str, level: int) -> tuple[str, ...]:
    """Where the first name of an import is looked for."""
    if not level:
        return search.roots
    folder = path
    for _ in range(level):
        if not folder:
            return ()  # above the workspace: Python refuses it too
        folder = parent(folder)
    return (folder,)


def _along(search: _Search, start: str, parts: list[str]) -> Iterator[str]:
    """The `__init__.py` of each package on the way to a module, and the module's file."""
    folder = start
    for depth, part in enumerate(parts, 1):
        module = join(folder, f"{part}.py")
        folder = join(folder, part)
        init = join(folder, _INIT)
        if search.tree.is_file(init):
            search.folders[folder] = True
            yield init
        elif search.tree.is_file(module):
            # The folder where a search starts is no package: what lies in it isn't the module's.
            if depth > 1:
                search.folders.setdefault(parent(module), False)
            yield module
            return


def _modules_of(tree: SourceTree, folder: str) -> Iterator[str]:
    """Modules that `import *` may load: those that `__all__` may name."""
    if tree.is_file(join(folder, _INIT)):
        names = tree.files_in(folder)
        yield from (join(folder, name) for name in names if name.endswith(".py"))


def _data(search: _Search) -> Iterator[str]:
    """Files that imported packages may read: all of theirs but modules and caches.

    A folder without `__init__.py` may hold other languages as well: there, only what lies directly
    beside its modules counts.
    """
    for folder, regular in search.folders.items():
        for path in _own_files(search.tree, folder):
            inside = path[len(folder) + 1 :]
            if path.endswith(".py") or (not regular and "/" in inside):
                continue
            if regular and _has_modules(search.tree, folder, inside):
                continue
            yield path


def _has_modules(tree: SourceTree, folder: str, inside: str) -> bool:
    """Whether a file lies in a subfolder with modules: it counts when one of those is imported."""
    while inside := parent(inside):
        if any(name.endswith(".py") for name in tree.files_in(join(folder, inside))):
            return True
    return False
