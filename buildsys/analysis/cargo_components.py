"""The crates that a Rust program may have: what Cargo.lock says that its crate needs.

A lock names the crates of all platforms and features. Those of tests alone are left out; of the others only
Cargo can tell which are compiled for one platform.
"""

from collections.abc import Iterable, Iterator

from buildsys.analysis.cargo_crates import MANIFEST, cargo_crates, cargo_facts
from buildsys.analysis.cargo_derived import LOCK
from buildsys.analysis.cargo_file import dependencies
from buildsys.analysis.cargo_lock import named, needs
from buildsys.analysis.paths import join
from buildsys.analysis.toml_text import Table, parsed
from buildsys.model.components import Component, Ecosystem
from buildsys.model.digest import Digest
from buildsys.model.sources import RustSources, SourceTree

_CRATES_IO = (
    "registry+https://github.com/rust-lang/crates.io-index",
    "sparse+https://index.crates.io/",
)
_COMPILED = frozenset({"normal", "build"})


def locked_components(tree: SourceTree, sources: RustSources) -> tuple[Component, ...]:
    """Crates from elsewhere, sorted; those of the workspace are the program itself.

    Raises:
        BuildFileError: a manifest can't be used.
    """
    path = join(sources.workspace, LOCK)
    lock, _ = parsed(dict(sources.derived).get(path) or tree.text(path))
    packages = [one for one in lock.get("package", ()) if isinstance(one, dict)]
    crates = cargo_crates(tree, sources.crate)
    only_tested = {
        cargo_facts(tree, folder)["package"]: _only_tested(tree.text(join(folder, MANIFEST)))
        for folder in crates.needed
    }
    roots = [one for one in packages if "source" not in one and one.get("name") == sources.name]
    found = _closure(packages, roots, only_tested)
    components = (_component(one) for one in found if "source" in one)
    return tuple(sorted(components, key=lambda component: component.place))


def _only_tested(manifest: str) -> frozenset[str]:
    """Packages that a crate needs for its tests and for nothing else."""
    kinds: dict[str, set[str]] = {}
    for kind, name, wanted in dependencies(parsed(manifest)[0]):
        kinds.setdefault(str(wanted.get("package", name)), set()).add(kind)
    return frozenset(name for name, found in kinds.items() if not found & _COMPILED)


def _closure(
    packages: list[Table], roots: Iterable[Table], only_tested: dict[str, frozenset[str]]
) -> Iterator[Table]:
    by_name: dict[str, list[Table]] = {}
    for package in packages:
        by_name.setdefault(package["name"], []).append(package)
    waiting = list(roots)
    seen = {id(package) for package in waiting}
    while waiting:
        package = waiting.pop()
        yield package
        left_out = only_tested.get(package["name"], frozenset()) if "source" not in package else ()
        for needed in needs(package):
            for found in named(by_name, needed):
                if found["name"] not in left_out and id(found) not in seen:
                    seen.add(id(found))
                    waiting.append(found)


def _component(package: Table) -> Component:
    name, version, source = package["name"], package["version"], str(package["source"])
    checksum = package.get("checksum")
    archive = f"https://static.crates.io/crates/{name}/{name}-{version}.crate"
    return Component(
        Ecosystem.RUST,
        name,
        version,
        checksum=Digest(f"sha256:{checksum}") if checksum else None,
        origin=archive if source in _CRATES_IO else source if source.startswith("git+") else "",
        found=False,
    )
