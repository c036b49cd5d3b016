"""A Rust crate: its Cargo workspace, and the files of the crates that are compiled for it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from buildsys.analysis.cargo_crates import MANIFEST, CargoCrates, cargo_crates, cargo_facts
from buildsys.analysis.cargo_derived import LOCK, derived_manifests
from buildsys.analysis.cargo_targets import named_paths, target_paths
from buildsys.analysis.paths import is_below, join, nearest, parent, resolve, upwards
from buildsys.analysis.rust_file import RustFileReader
from buildsys.errors import BuildFileError, Location
from buildsys.model.sources import RustSources, SourceTree, TestSources
from buildsys.model.target import ROOT_BUILD_FILE

_READER = RustFileReader()
_CONFIGURATION = (".cargo/config.toml", ".cargo/config", "rust-toolchain.toml", "rust-toolchain")
_NEVER_COMPILED = frozenset({"tests", "benches", "examples", "target"})


def rust_sources(
    tree: SourceTree, package_folder: str, *, exclude: Callable[[str], bool]
) -> RustSources:
    """The crate around a package; `exclude` refuses files by their path in the workspace.

    What a manifest or a source names (`path = …`, `include_str!`) counts even if it is refused.

    Raises:
        BuildFileError: there is no crate or no Cargo.lock, or a manifest can't be used.
    """
    crate = _crate_of(tree, package_folder)
    crates = cargo_crates(tree, crate)
    settings = _settings(tree, crate, crates)
    files = _files_of(tree, crates.compiled, exclude)
    named = _named_in_sources(tree, files, crates.compiled)
    manifests = {join(folder, MANIFEST) for folder in (*crates.needed, *crates.others)}
    manifests |= {join(crates.root, LOCK), *settings}
    if whole := not named.isdisjoint(manifests):
        # A program that has a manifest in it gets them all as they are.
        needed = tuple(sorted((*crates.needed, *crates.others)))
        crates = replace(crates, needed=needed, members=needed, others=(), narrowed=False)
    derived = () if whole else derived_manifests(tree, crates, settings, cooked=False)
    others = {join(folder, MANIFEST) for folder in crates.others}
    return RustSources(
        crate=crate,
        workspace=crates.root,
        name=cargo_facts(tree, crate)["package"],
        recipe=derived_manifests(tree, crates, settings, cooked=True),
        target_paths=_target_paths(tree, crates.needed, tests=False),
        files=tuple(sorted((files | named | manifests) - others)),
        derived=derived,
        narrowed=crates.narrowed,
        others=tuple(sorted(others)),
        other_paths=_target_paths(tree, crates.others, tests=False),
    )


def rust_tests(
    tree: SourceTree, sources: RustSources, *, exclude: Callable[[str], bool]
) -> TestSources:
    """The crate with all that `cargo test` compiles: tests, examples and dev-dependencies too."""
    crates = cargo_crates(tree, sources.crate)
    files = _files_of(tree, crates.tested, exclude)
    own = _own_files(tree, sources.crate, never=frozenset({"target"}))
    files.update(path for path in own if not exclude(path))
    named = _named_in_sources(tree, files, crates.tested)
    manifests = dict(sources.recipe)
    return TestSources(
        tuple(sorted(files.union(named, manifests))),
        target_paths=_target_paths(tree, crates.needed, tests=True),
        derived=tuple((path, text) for path, text in sources.derived if path not in named),
    )


def _files_of(
    tree: SourceTree, folders: tuple[str, ...], exclude: Callable[[str], bool]
) -> set[str]:
    """What compiling crates reads, as far as their manifests tell."""
    files: set[str] = set()
    for folder in folders:
        files.update(path for path in _own_files(tree, folder) if not exclude(path))
        files.update(named_paths(tree, folder, cargo_facts(tree, folder)))
    return files


def _target_paths(tree: SourceTree, folders: tuple[str, ...], *, tests: bool) -> tuple[str, ...]:
    found = {
        path
        for folder in folders
        for path in target_paths(tree, folder, cargo_facts(tree, folder), tests=tests)
    }
    return tuple(sorted(found))


def _crate_of(tree: SourceTree, package_folder: str) -> str:
    crate = nearest(tree, package_folder, MANIFEST)
    if crate is None:
        raise BuildFileError(
            f"there is no {MANIFEST} here or in a folder above",
            at=Location(join(package_folder, ROOT_BUILD_FILE)),
            hint="run `cargo init` in the folder of the crate",
        )
    if not cargo_facts(tree, crate)["package"]:
        raise BuildFileError(
            "this is a Cargo workspace without a package of its own",
            at=Location(join(crate, MANIFEST)),
            hint="declare the `rust_image` in the folder of one of its crates",
        )
    return crate


def _settings(tree: SourceTree, crate: str, crates: CargoCrates) -> tuple[str, ...]:
    if not tree.is_file(join(crates.root, LOCK)):
        raise BuildFileError(
            f"there is no {LOCK} beside it",
            at=Location(join(crates.root, MANIFEST)),
            hint="run `cargo generate-lockfile` and commit the file",
        )
    # Cargo and rustup look from the folder where they are called, up to the top.
    paths = [join(folder, name) for folder in upwards(crate) for name in _CONFIGURATION]
    return tuple(path for path in paths if tree.is_file(path))


def _own_files(
    tree: SourceTree, folder: str, *, never: frozenset[str] = _NEVER_COMPILED
) -> Iterator[str]:
    """Files that the build of a crate may read, without crates and packages inside it."""
    files = tree.files_below(folder)
    borders = {parent(path) for path in files if _is_border(path)} - {folder}
    for path in files:
        inside = path[len(folder) + 1 if folder else 0 :]
        if inside == ROOT_BUILD_FILE or inside.partition("/")[0] in never:
            continue
        if not any(is_below(path, border) for border in borders):
            yield path


def _is_border(path: str) -> bool:
    return path.rpartition("/")[2] in {MANIFEST, ROOT_BUILD_FILE}


def _named_in_sources(tree: SourceTree, files: Iterable[str], crates: tuple[str, ...]) -> set[str]:
    """Files that the sources name, and those that these name."""
    named: set[str] = set()
    waiting = [path for path in files if path.endswith(".rs")]
    seen = set(waiting)
    while waiting:
        for path in _named_in(tree, waiting.pop(), crates):
            named.add(path)
            if path.endswith(".rs") and path not in seen:
                seen.add(path)
                waiting.append(path)
    return named


def _named_in(tree: SourceTree, path: str, crates: tuple[str, ...]) -> Iterator[str]:
    facts = tree.facts(path, _READER)
    crate = max((folder for folder in crates if is_below(path, folder)), key=len, default="")
    spelt = [(parent(path), written) for written in facts["beside"]]
    spelt += [(crate, written) for written in facts["from_crate"]]
    for folder, written in spelt:
        found = resolve(folder, written)
        if found is not None and tree.is_file(found):
            yield found
