"""The crates that Cargo sees from one of them: its Cargo workspace and path dependencies."""

from collections.abc import Iterator
from dataclasses import dataclass

from buildsys.analysis.cargo_file import CargoFacts, CargoFileReader, PathDependency
from buildsys.analysis.paths import is_below, join, matches, parent, resolve, upwards
from buildsys.errors import BuildFileError, Location
from buildsys.model.sources import SourceTree

MANIFEST = "Cargo.toml"
_READER = CargoFileReader()
_COMPILED = frozenset({"normal", "build"})


@dataclass(frozen=True, slots=True)
class CargoCrates:
    """Folders of crates, sorted."""

    root: str
    """Folder of the Cargo workspace, the crate's own where it is in none."""
    compiled: tuple[str, ...]
    """The crate, and the path dependencies that are compiled for it."""
    tested: tuple[str, ...]
    """The same for its tests: with its dev-dependencies, and what these need."""
    needed: tuple[str, ...]
    """All that have a part in resolving the crate's dependencies, those of its tests too; roots included."""
    members: tuple[str, ...]
    """Those of `needed` that belong to the Cargo workspace."""
    others: tuple[str, ...]
    """The Cargo workspace's other crates: they have none, but Cargo loads whatever the root names."""
    patched: tuple[str, ...]
    """Crates that replace published ones."""
    narrowed: bool
    """Whether the root's Cargo.toml and Cargo.lock may speak of others: they are there for a whole Cargo
    workspace. It doesn't depend on there being any, so that a new one changes nothing."""


def cargo_crates(tree: SourceTree, crate: str) -> CargoCrates:
    """The crates around a crate.

    Raises:
        BuildFileError: a Cargo.toml can't be read, or names a path that can't be used.
    """
    root = _root_of(tree, crate)
    patched = _patched(tree, root)
    compiled = _reachable(tree, [crate, *patched], all_kinds=False)
    tested = _reachable(
        tree, [*compiled, *_dependencies(tree, crate, all_kinds=True)], all_kinds=False
    )
    own = [root] if cargo_facts(tree, root)["package"] else []
    needed = _with_roots(tree, _reachable(tree, [*own, *compiled], all_kinds=True))
    loaded = _with_roots(tree, _reachable(tree, [*_members(tree, root), *compiled], all_kinds=True))
    return CargoCrates(
        root,
        compiled=tuple(sorted(compiled)),
        tested=tuple(sorted(tested)),
        needed=tuple(sorted(needed)),
        members=tuple(sorted(folder for folder in needed if _root_of(tree, folder) == root)),
        others=tuple(sorted(loaded - needed)),
        patched=tuple(patched),
        narrowed=root != crate or bool(cargo_facts(tree, root)["members"]),
    )


def _with_roots(tree: SourceTree, folders: set[str]) -> set[str]:
    """A dependency may inherit from a Cargo workspace of its own."""
    return folders | {_root_of(tree, folder) for folder in folders}


def cargo_facts(tree: SourceTree, folder: str) -> CargoFacts:
    """The facts of the Cargo.toml in a folder."""
    path = join(folder, MANIFEST)
    facts = tree.facts(path, _READER)
    if facts["error"]:
        message, line, column = facts["error"]
        raise BuildFileError(
            f"this is not TOML: {message}", at=Location(path, line, column), hint="mend the line"
        )
    return facts


def _root_of(tree: SourceTree, crate: str) -> str:
    """Where Cargo's search ends: its own `[workspace]`, a pointer, the nearest that takes it in."""
    for folder in upwards(crate):
        if not tree.is_file(join(folder, MANIFEST)):
            continue
        facts = cargo_facts(tree, folder)
        if facts["root_pointer"]:
            return _resolved(folder, facts["root_pointer"], Location(join(folder, MANIFEST)))
        if facts["is_root"] and not _is_excluded(facts, folder, crate):
            return folder
    return crate


def _is_excluded(facts: CargoFacts, root: str, crate: str) -> bool:
    def covers(written: str) -> bool:
        folder = resolve(root, written)
        return folder is not None and is_below(crate, folder)

    # Cargo: a member that is spelt out stays one, even inside an excluded folder.
    return any(map(covers, facts["exclude"])) and not any(map(covers, facts["members"]))


def _members(tree: SourceTree, root: str) -> Iterator[str]:
    facts = cargo_facts(tree, root)
    if facts["package"]:
        yield root
    for written in facts["members"]:
        if any(mark in written for mark in "*?["):
            yield from _matching(tree, root, facts, written)
        else:
            folder = _resolved(root, written, Location(join(root, MANIFEST)))
            _check_crate(tree, folder, written, Location(join(root, MANIFEST)))
            yield folder


def _matching(tree: SourceTree, root: str, facts: CargoFacts, pattern: str) -> Iterator[str]:
    elements = pattern.removeprefix("./").strip("/").split("/")
    for path in tree.files_below(root):
        folder = parent(path)
        if path.endswith(f"/{MANIFEST}") and folder != root:
            parts = folder[len(root) + 1 if root else 0 :].split("/")
            if _fits(elements, parts) and not _is_excluded(facts, root, folder):
                yield folder


def _fits(elements: list[str], parts: list[str]) -> bool:
    """Whether a path matches a pattern; `**` stands for any number of folders."""
    if not elements or not parts:
        return all(element == "**" for element in elements) and not parts
    if elements[0] == "**":
        return _fits(elements[1:], parts) or _fits(elements, parts[1:])
    return matches(elements[0], parts[0]) and _fits(elements[1:], parts[1:])


def _patched(tree: SourceTree, root: str) -> list[str]:
    """Crates that replace published ones: Cargo takes `[patch]` from the root only."""
    patches = [found for found in cargo_facts(tree, root)["paths"] if found["kind"] == "patch"]
    return [folder for found in patches if (folder := _folder_of(tree, root, found)) is not None]


def _reachable(tree: SourceTree, starts: list[str], *, all_kinds: bool) -> set[str]:
    reached = set(starts)
    waiting = sorted(reached)
    while waiting:
        for folder in _dependencies(tree, waiting.pop(), all_kinds=all_kinds):
            if folder not in reached:
                reached.add(folder)
                waiting.append(folder)
    return reached


def _dependencies(tree: SourceTree, crate: str, *, all_kinds: bool) -> Iterator[str]:
    facts = cargo_facts(tree, crate)
    for found in facts["paths"]:
        if found["kind"] in _COMPILED or (all_kinds and found["kind"] == "dev"):
            folder = _folder_of(tree, crate, found)
            if folder is not None:
                yield folder
    inherited = {name for kind, name in facts["inherited"] if kind in _COMPILED or all_kinds}
    if not inherited:
        return
    root = _root_of(tree, crate)
    for found in cargo_facts(tree, root)["paths"]:
        if found["kind"] == "shared" and found["name"] in inherited:
            folder = _folder_of(tree, root, found)
            if folder is not None:
                yield folder


def _folder_of(tree: SourceTree, crate: str, found: PathDependency) -> str | None:
    """The folder of a path dependency; nothing for a missing one that isn't compiled."""
    at = Location(join(crate, MANIFEST), found["line"], found["column"])
    folder = _resolved(crate, found["path"], at)
    if found["kind"] == "dev" and not tree.is_file(join(folder, MANIFEST)):
        return None
    _check_crate(tree, folder, found["path"], at)
    return folder


def _resolved(folder: str, written: str, at: Location) -> str:
    resolved = resolve(folder, written)
    if resolved is None:
        raise BuildFileError(
            f"`{written}` is outside the workspace",
            at=at,
            hint="move the crate into the workspace, or depend on a published version of it",
        )
    return resolved


def _check_crate(tree: SourceTree, folder: str, written: str, at: Location) -> None:
    if not tree.is_file(join(folder, MANIFEST)):
        raise BuildFileError(
            f"there is no {MANIFEST} in `{written}`", at=at, hint="mend the path, or add the crate"
        )
