"""A Go main package: the workspace files that compiling it reads, and what comes from elsewhere."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from buildsys.analysis.go_constraint import GoPlatform, name_matches, satisfied
from buildsys.analysis.go_embed import embedded
from buildsys.analysis.go_file import GoFacts, GoFileReader
from buildsys.analysis.go_modules import GoModules, go_modules, in_nested_module
from buildsys.analysis.paths import join, upwards
from buildsys.errors import BuildFileError, Location
from buildsys.model.sources import GoSources, SourceTree
from buildsys.model.target import ROOT_BUILD_FILE

READER = GoFileReader()
_COMPILED_TOO = (".s", ".S", ".h", ".syso")
_PROFILE = "default.pgo"


@dataclass(frozen=True, slots=True)
class GoPackage:
    """What the build uses of one folder."""

    folder: str
    sources: tuple[tuple[str, GoFacts], ...]
    others: tuple[str, ...]

    @property
    def files(self) -> tuple[str, ...]:
        return (*(path for path, _ in self.sources), *self.others)


@dataclass(frozen=True, slots=True)
class Closure:
    """Grows while imports are followed."""

    packages: dict[str, GoPackage] = field(default_factory=dict)
    external: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)
    """Import paths that were looked up: most are met many times."""


def go_sources(
    tree: SourceTree,
    package_folder: str,
    *,
    goos: str = "linux",
    goarch: str = "amd64",
    tags: tuple[str, ...] = ("netgo",),
) -> GoSources:
    """The import closure of a main package, with cgo off.

    Raises:
        BuildFileError: the package isn't a main package, or imports what isn't there.
    """
    platform = GoPlatform(goos, goarch, frozenset(tags))
    modules = go_modules(tree, package_folder)
    main = _main_package(tree, package_folder, platform)
    closure = Closure({main.folder: main})
    follow(tree, modules, closure, [main], platform)
    files = {path for package in closure.packages.values() for path in package.files}
    reads_manifests = not files.isdisjoint(modules.manifests)
    files.update(modules.manifests)
    if tree.is_file(join(package_folder, _PROFILE)):
        files.add(join(package_folder, _PROFILE))  # `go build` uses it without being asked
    return GoSources(
        module=modules.main,
        package=package_folder,
        manifests=modules.manifests,
        vendored=modules.vendored,
        files=tuple(sorted(files)),
        external=tuple(sorted(closure.external)),
        replaced=replaced_modules(modules, closure),
        reads_manifests=reads_manifests,
    )


def replaced_modules(modules: GoModules, closure: Closure) -> tuple[str, ...]:
    """Paths of the workspace's other modules that have packages of the closure."""
    folders = {_module_of(modules, folder) for folder in closure.packages} - {modules.main}
    return tuple(sorted(path for path, folder in modules.prefixes if folder in folders))


def _main_package(tree: SourceTree, folder: str, platform: GoPlatform) -> GoPackage:
    package = read_package(tree, folder, platform)
    if not package.sources:
        raise BuildFileError(
            f"no Go file here is for {platform.system}/{platform.machine}",
            at=Location(join(folder, ROOT_BUILD_FILE)),
            hint="a `go_image` is declared in the folder of its main package",
        )
    for path, facts in package.sources:
        if facts["package"] != "main":
            raise BuildFileError(
                f"this is package `{facts['package']}`, not `main`",
                at=Location(path),
                hint="a `go_image` is declared in the folder of its main package",
            )
    return package


def follow(
    tree: SourceTree,
    modules: GoModules,
    closure: Closure,
    packages: Iterable[GoPackage],
    platform: GoPlatform,
) -> None:
    """Add to `closure` what `packages` import, and what that imports."""
    waiting = list(packages)
    while waiting:
        for path, facts in waiting.pop().sources:
            for import_path, line, column in facts["imports"]:
                if import_path in closure.seen:
                    continue
                closure.seen.add(import_path)
                folder = _locate(tree, modules, import_path, Location(path, line, column))
                if folder is None:
                    if not _is_standard(import_path, modules):
                        closure.external.add(import_path)
                elif folder not in closure.packages:
                    package = read_package(tree, folder, platform)
                    _check_usable(package, import_path, Location(path, line, column))
                    closure.packages[folder] = package
                    waiting.append(package)


def _locate(tree: SourceTree, modules: GoModules, import_path: str, at: Location) -> str | None:
    """The folder of a workspace package; nothing for a package from elsewhere."""
    candidates = list(modules.candidates(import_path))
    for folder in candidates:
        if in_nested_module(tree, folder, _module_of(modules, folder)):
            continue
        if any(name.endswith(".go") for name in tree.files_in(folder)):
            return folder
    if not candidates or modules.requires(import_path):
        return None
    if any(in_nested_module(tree, folder, _module_of(modules, folder)) for folder in candidates):
        return None
    raise BuildFileError(
        f"package `{import_path}` is imported, but there are no Go files in `{candidates[0]}`",
        at=at,
        hint="mend the import, or generate the package's files",
    )


def _module_of(modules: GoModules, folder: str) -> str:
    folders = {known for _, known in modules.prefixes}
    return next(above for above in upwards(folder) if above in folders)


def _check_usable(package: GoPackage, import_path: str, at: Location) -> None:
    if not package.sources:
        raise BuildFileError(
            f"package `{import_path}` is imported, but build constraints exclude all its Go files",
            at=at,
            hint=f"add a file to `{package.folder}` that is built on this platform with cgo off",
        )


def _is_standard(import_path: str, modules: GoModules) -> bool:
    """Only the standard library may do without a dot, unless go.mod says otherwise."""
    return "." not in import_path.partition("/")[0] and not modules.requires(import_path)


def read_package(tree: SourceTree, folder: str, platform: GoPlatform) -> GoPackage:
    sources: list[tuple[str, GoFacts]] = []
    others: list[str] = []
    for name in tree.files_in(folder):
        path = join(folder, name)
        if name.startswith(("_", ".")) or not name_matches(name, platform):
            continue
        if name.endswith(".go") and not name.endswith("_test.go"):
            facts = tree.facts(path, READER)
            if is_built(facts, platform):
                sources.append((path, facts))
                others += embedded_by(tree, path, facts)
        elif name.endswith(_COMPILED_TOO) and (
            # An object file has no text in which a constraint could stand.
            name.endswith(".syso") or is_built(tree.facts(path, READER), platform)
        ):
            others.append(path)
    return GoPackage(folder, tuple(sources), tuple(others))


def is_built(facts: GoFacts, platform: GoPlatform) -> bool:
    if facts["package"] == "documentation" or any(path == "C" for path, _, _ in facts["imports"]):
        return False
    return satisfied(facts["constraint"], platform)


def embedded_by(tree: SourceTree, path: str, facts: GoFacts) -> list[str]:
    folder = path.rpartition("/")[0]
    files: list[str] = []
    for pattern, line, column in facts["embeds"]:
        found = embedded(tree, folder, pattern)
        if not found:
            raise BuildFileError(
                f"no file matches `{pattern}`",
                at=Location(path, line, column),
                hint="mend the `//go:embed` pattern, or add the file",
            )
        files += found
    return files
