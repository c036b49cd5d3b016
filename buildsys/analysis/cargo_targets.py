"""The targets of a crate: spelt out in its Cargo.toml, or found where Cargo looks for them."""

from collections.abc import Iterator

from buildsys.analysis.cargo_file import CargoFacts
from buildsys.analysis.paths import join, resolve
from buildsys.model.sources import SourceTree

_SHIPPED = frozenset({"lib", "bin"})
_FOLDERS = {"bin": "src/bin", "example": "examples", "test": "tests", "bench": "benches"}


def target_paths(
    tree: SourceTree, folder: str, facts: CargoFacts, *, tests: bool
) -> tuple[str, ...]:
    """Paths of the targets, build scripts included.

    Without `tests`, those that Cargo needs for libraries and programs: of tests, benches and examples only
    what the manifest names.
    """
    paths = set(named_paths(tree, folder, facts))
    for kind in facts["found_kinds"]:
        if not tests and kind not in _SHIPPED:
            continue
        paths.update(path for _, path in _found(tree, folder, kind, facts["package"]))
    return tuple(sorted(paths))


def named_paths(tree: SourceTree, folder: str, facts: CargoFacts) -> tuple[str, ...]:
    """Paths of the targets that the manifest names: Cargo stops where one of these is missing."""
    paths: set[str] = set()
    for kind, name, written in facts["targets"]:
        if written:
            paths.add(resolve(folder, written) or "")
        else:
            found = _found(tree, folder, kind, facts["package"])
            paths.update(path for known, path in found if known == name or kind == "lib")
    paths.update(resolve(folder, script) or "" for script in facts["build_scripts"])
    if facts["found_build_script"]:
        paths.add(join(folder, "build.rs"))
    return tuple(sorted(path for path in paths if tree.is_file(path)))


def _found(tree: SourceTree, folder: str, kind: str, package: str) -> Iterator[tuple[str, str]]:
    """Name and path of the targets of a kind that are where Cargo looks for them."""
    root = {"lib": "src/lib.rs", "bin": "src/main.rs"}.get(kind, "")
    if root and tree.is_file(join(folder, root)):
        yield package, join(folder, root)
    if kind not in _FOLDERS:
        return
    home = join(folder, _FOLDERS[kind])
    for path in tree.files_below(home):
        match path.removeprefix(f"{home}/").split("/"):
            case [name] if name.endswith(".rs") and not name.startswith("."):
                yield name.removesuffix(".rs"), path
            case [name, "main.rs"] if not name.startswith("."):
                yield name, path
            case _:
                pass
