"""The Go modules of the workspace that a build sees: its own, go.work's, local replacements."""

from collections.abc import Iterator
from dataclasses import dataclass

from buildsys.analysis.go_mod import GoModFacts, GoModReader, is_local
from buildsys.analysis.paths import is_below, join, nearest, parent, resolve, upwards
from buildsys.errors import BuildFileError, Location
from buildsys.model.sources import SourceTree
from buildsys.model.target import ROOT_BUILD_FILE

_READER = GoModReader()


@dataclass(frozen=True, slots=True)
class GoModules:
    """Modules by import prefix, longest first, and the files that Go reads to know them."""

    main: str
    """Folder of the module that is built."""
    prefixes: tuple[tuple[str, str], ...]
    """Module path and folder."""
    required: tuple[str, ...]
    """Paths of the modules that the main modules ask for."""
    manifests: tuple[str, ...]
    vendored: tuple[str, ...]
    work: str | None = None
    """Folder of the go.work that Go uses."""

    def candidates(self, import_path: str) -> Iterator[str]:
        """Folders that may hold the package, those of the longest module path first."""
        for prefix, folder in self.prefixes:
            if is_below(import_path, prefix):
                yield join(folder, import_path[len(prefix) + 1 :])

    def requires(self, import_path: str) -> bool:
        return any(is_below(import_path, module) for module in self.required)


def go_modules(tree: SourceTree, package_folder: str) -> GoModules:
    """The modules around a package.

    Raises:
        BuildFileError: there is no go.mod, or one that can't be used.
    """
    main = nearest(tree, package_folder, "go.mod")
    if main is None:
        raise BuildFileError(
            "there is no go.mod here or in a folder above",
            at=Location(join(package_folder, ROOT_BUILD_FILE)),
            hint="run `go mod init` in the folder of the module",
        )
    work = _work_folder(tree, main)
    used = _used_modules(tree, work) if work is not None else (main,)
    home = main if work is None else work
    vendored = _vendored(tree, home)
    leaders = [join(folder, "go.mod") for folder in used]
    if work is not None:
        leaders.append(join(work, "go.work"))
    # A vendor folder holds copies of local replacements too, and Go looks nowhere else.
    replaced = [] if vendored else [found for path in leaders for found in _replaced(tree, path)]
    prefixes = [(_module_path(tree, folder), folder) for folder in used]
    prefixes += [found for found in replaced if found not in prefixes]
    return GoModules(
        main=main,
        prefixes=tuple(sorted(prefixes, key=lambda found: (-len(found[0]), found))),
        required=tuple(
            sorted({path for folder in used for path, _ in _mod(tree, folder)["requires"]})
        ),
        manifests=_manifests(tree, work, used, [folder for _, folder in replaced]),
        vendored=vendored,
        work=work,
    )


def _mod(tree: SourceTree, folder: str) -> GoModFacts:
    return tree.facts(join(folder, "go.mod"), _READER)


def _module_path(tree: SourceTree, folder: str) -> str:
    path = _mod(tree, folder)["module"]
    if not path:
        raise BuildFileError("there is no `module` line", at=Location(join(folder, "go.mod")))
    return path


def _work_folder(tree: SourceTree, main: str) -> str | None:
    """The folder of the go.work that Go finds for a module, if that one uses the module."""
    work = nearest(tree, main, "go.work")
    return work if work is not None and main in _used_modules(tree, work) else None


def _used_modules(tree: SourceTree, work: str) -> tuple[str, ...]:
    path = join(work, "go.work")
    folders: list[str] = []
    for written, line, column in tree.facts(path, _READER)["uses"]:
        at = Location(path, line, column)
        folder = resolve(work, written)
        if folder is None:
            raise BuildFileError(
                f"`{written}` is outside the workspace", at=at, hint="move the module into it"
            )
        if not tree.is_file(join(folder, "go.mod")):
            raise BuildFileError(
                f"there is no go.mod in `{written}`",
                at=at,
                hint=f"run `go work edit -dropuse {written}`",
            )
        folders.append(folder)
    return tuple(dict.fromkeys(folders))


def _replaced(tree: SourceTree, path: str) -> Iterator[tuple[str, str]]:
    """Module path and folder of the local replacements in a go.mod or go.work.

    A folder without go.mod is passed over: Go minds only when it needs the module.
    """
    for module, _, written, _, line, column in tree.facts(path, _READER)["replaces"]:
        if not is_local(written):
            continue
        folder = resolve(parent(path), written)
        if folder is None:
            raise BuildFileError(
                f"the replacement `{written}` is outside the workspace",
                at=Location(path, line, column),
                hint="move the module into the workspace, or require a published version of it",
            )
        if tree.is_file(join(folder, "go.mod")):
            yield module, folder


def _manifests(
    tree: SourceTree, work: str | None, used: tuple[str, ...], replaced: list[str]
) -> tuple[str, ...]:
    """Go reads the go.sum of its main modules only: replacements count by their go.mod."""
    paths = [join(folder, name) for folder in used for name in ("go.mod", "go.sum")]
    paths += [join(folder, "go.mod") for folder in replaced]
    if work is not None:
        paths += [join(work, name) for name in ("go.work", "go.work.sum")]
    return tuple(sorted({path for path in paths if tree.is_file(path)}))


def _vendored(tree: SourceTree, home: str) -> tuple[str, ...]:
    folder = join(home, "vendor")
    return tree.files_below(folder) if tree.is_file(join(folder, "modules.txt")) else ()


def in_nested_module(tree: SourceTree, folder: str, module: str) -> bool:
    """Whether a folder of a module belongs to another module inside it."""
    for above in upwards(folder):
        if above == module:
            return False
        if tree.is_file(join(above, "go.mod")):
            return True
    return False
