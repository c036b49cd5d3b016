"""The manifests of a crate as its layers get them: what decides dependencies, what may reach the program."""

from collections import Counter
from posixpath import relpath

from buildsys.analysis.cargo_crates import MANIFEST, CargoCrates, cargo_facts
from buildsys.analysis.cargo_lock import CargoLockReader
from buildsys.analysis.cargo_manifest import CargoManifestReader, Narrowed
from buildsys.analysis.paths import join
from buildsys.analysis.toml_text import TomlTextReader
from buildsys.model.sources import Derived, SourceTree

LOCK = "Cargo.lock"


def derived_manifests(
    tree: SourceTree, crates: CargoCrates, settings: tuple[str, ...], *, cooked: bool
) -> Derived:
    """Cargo.toml of the crates that are needed, Cargo.lock, and the `settings` of Cargo and rustup."""
    masked = _masked(tree, crates) if cooked else frozenset()
    found = {
        join(folder, MANIFEST): _manifest(tree, crates, folder, masked, cooked=cooked)
        for folder in crates.needed
    }
    reader = CargoLockReader(
        wanted=_names(tree, crates) if crates.narrowed else None, masked=masked
    )
    lock = join(crates.root, LOCK)
    found[lock] = tree.facts(lock, reader)
    found |= {path: tree.facts(path, TomlTextReader()) for path in settings}
    return tuple(sorted(found.items()))


def _manifest(
    tree: SourceTree, crates: CargoCrates, folder: str, masked: frozenset[str], *, cooked: bool
) -> str:
    name = _name(tree, folder)
    # A root without a package of its own has the version that its members inherit.
    is_masked = name in masked if name else bool(masked) and masked >= _names(tree, crates)
    reader = CargoManifestReader(
        cooked=cooked,
        masked=is_masked,
        narrowed=_narrowed(tree, crates) if folder == crates.root else None,
    )
    return tree.facts(join(folder, MANIFEST), reader)


def _narrowed(tree: SourceTree, crates: CargoCrates) -> Narrowed:
    shared = {
        name for folder in crates.members for _, name in cargo_facts(tree, folder)["inherited"]
    }
    inside = [relpath(folder or ".", crates.root or ".") for folder in crates.members]
    members = tuple(sorted(path for path in inside if path != "."))
    return Narrowed(members if crates.narrowed else None, tuple(sorted(shared)))


def _masked(tree: SourceTree, crates: CargoCrates) -> frozenset[str]:
    """The crates whose own versions decide nothing.

    That of a crate which stands in for a published one does; and of two by one name, Cargo.lock tells the
    versions apart.
    """
    names = Counter(_name(tree, folder) for folder in crates.needed)
    replacing = {_name(tree, folder) for folder in crates.patched}
    return frozenset(
        name for name, count in names.items() if name and count == 1 and name not in replacing
    )


def _names(tree: SourceTree, crates: CargoCrates) -> frozenset[str]:
    return frozenset(filter(None, (_name(tree, folder) for folder in crates.needed)))


def _name(tree: SourceTree, folder: str) -> str:
    return cargo_facts(tree, folder)["package"]
