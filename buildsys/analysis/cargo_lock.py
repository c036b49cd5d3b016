"""Cargo.lock with the packages that some crates of the workspace can need."""

from collections.abc import Iterator

from buildsys.analysis.cargo_manifest import VERSION, name_of_choices
from buildsys.analysis.toml_text import Table, parsed, written


class CargoLockReader:
    """Reads a Cargo.lock into the text that a layer gets; what isn't TOML stays as it is.

    `wanted` names the local crates that are there, if not all are; `masked` those whose version is left out.
    """

    def __init__(self, *, wanted: frozenset[str] | None, masked: frozenset[str]) -> None:
        self._wanted, self._masked = wanted, masked
        self.name = name_of_choices("cargo-lock/1", wanted and sorted(wanted), sorted(masked))

    def read(self, text: str) -> str:
        lock, failure = parsed(text)
        packages = lock.get("package")
        if failure:
            return text
        if isinstance(packages, list) and all(map(_is_understood, packages)):
            if self._wanted is not None:
                packages = _reachable(packages, self._wanted)
            lock["package"] = _masked(packages, self._masked)
        return written(lock)


def _is_understood(package: object) -> bool:
    if not isinstance(package, dict):
        return False
    texts = [package.get("name"), package.get("version"), *needs(package)]
    return all(isinstance(text, str) for text in texts)


def needs(package: Table) -> list[str]:
    found = package.get("dependencies", [])
    return found if isinstance(found, list) else []


def _is_local(package: Table) -> bool:
    return "source" not in package


def _reachable(packages: list[Table], wanted: frozenset[str]) -> list[Table]:
    """Local crates of these names, and all that they need; of what is ambiguous, every one."""
    reached = [package for package in packages if _is_local(package) and package["name"] in wanted]
    seen = {id(package) for package in reached}
    by_name: dict[str, list[Table]] = {}
    for package in packages:
        by_name.setdefault(package["name"], []).append(package)
    for package in reached:  # grows on the way
        for needed in needs(package):
            for found in named(by_name, needed):
                if id(found) not in seen:
                    seen.add(id(found))
                    reached.append(found)
    return [package for package in packages if id(package) in seen]


def named(by_name: dict[str, list[Table]], needed: str) -> Iterator[Table]:
    """What a dependency (`name`, `name version`, `name version (source)`) may stand for."""
    name, _, rest = needed.partition(" ")
    version = rest.partition(" ")[0]
    for found in by_name.get(name, ()):
        if not version or found["version"] == version:
            yield found


def _masked(packages: list[Table], masked: frozenset[str]) -> list[Table]:
    versions = {
        f"{package['name']} {package['version']}"
        for package in packages
        if _is_local(package) and package["name"] in masked
    }
    return [_masked_one(package, versions) for package in packages]


def _masked_one(package: Table, versions: set[str]) -> Table:
    changed = dict(package)
    if _is_local(package) and f"{package['name']} {package['version']}" in versions:
        changed["version"] = VERSION
    if needs(package):
        changed["dependencies"] = [
            f"{needed.partition(' ')[0]} {VERSION}" if needed in versions else needed
            for needed in needs(package)
        ]
    return changed
