"""go.mod and go.sum of one module as values, and the texts of them that name only some modules.

Such a text gives the same build as the whole: since Go 1.17, go.mod names every module that provides a package
of the build, and Go looks into no other (https://go.dev/ref/mod#lazy-loading). Where that isn't certain, there
are no such texts, and the files count as they are.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from buildsys.analysis.go_mod import GoModFacts, GoModReader, GoSumReader, is_local
from buildsys.analysis.go_modules import GoModules
from buildsys.analysis.paths import join, parent, resolve
from buildsys.model.sources import Derived, GoModule, SourceTree

MOD, SUM = "go.mod", "go.sum"
_MOD, _SUM = GoModReader(), GoSumReader()
_LAZY = 17
"""The minor version of Go whose go.mod names all that a build needs."""
# What needs no quotes in a go.mod; `//` would begin a comment.
_WORD = re.compile(r"(?:[A-Za-z0-9!~@_.,:=*<>+-]|/(?!/))+")


@dataclass(frozen=True, slots=True)
class GoRequirement:
    """A module that go.mod requires, and where its content comes from."""

    path: str
    version: str
    source: str
    """A module path, or a folder where it is replaced by one."""
    source_version: str

    @property
    def local(self) -> bool:
        return is_local(self.source)


@dataclass(frozen=True, slots=True)
class GoRequirements:
    """What go.mod and go.sum of the module in `folder` say."""

    folder: str
    facts: GoModFacts
    required: dict[str, GoRequirement]
    sums: list[tuple[str, str, str]] | None
    """Module, version, hash; None where there is no go.sum."""
    pins: Mapping[tuple[str, str], tuple[str, ...]]
    """Module and version → hashes."""

    def module(self, path: str) -> GoModule | None:
        """A required module, if go.sum pins its content."""
        found = self.required[path]
        sums = self.pins.get((found.source, found.source_version))
        return GoModule(path, found.source, found.source_version, sums) if sums else None

    def texts(self, used: Callable[[str], bool]) -> Derived:
        """go.mod and go.sum with the modules that are `used`: in one order, without comments."""
        return self._both(self._mod(used), self._sum(used))

    def plain(self) -> Derived:
        """Both with all that they say."""
        sums = "".join(f"{' '.join(line)}\n" for line in self.sums or ())
        return self._both(self._mod(lambda _: True), sums)

    def _both(self, mod: str, sums: str) -> Derived:
        found = ((join(self.folder, MOD), mod), (join(self.folder, SUM), sums))
        return found if self.sums is not None else found[:1]

    def _mod(self, used: Callable[[str], bool]) -> str:
        facts = self.facts
        lines = [f"module {facts['module']}", f"go {facts['go']}"]
        lines += sorted(f"godebug {setting}" for setting in facts["godebugs"])
        lines += sorted(f"exclude {path} {v}" for path, v in facts["excludes"] if used(path))
        lines += sorted(
            f"require {one.path} {one.version}" for one in self.required.values() if used(one.path)
        )
        lines += sorted(
            " ".join(word for word in ("replace", path, old, "=>", source, version) if word)
            for path, old, source, version, _, _ in facts["replaces"]
            if used(path)
        )
        return "\n".join((*lines, ""))

    def _sum(self, used: Callable[[str], bool]) -> str:
        pinned = {
            (one.source, one.source_version) for one in self.required.values() if used(one.path)
        }
        return "".join(
            f"{module} {version} {digest}\n"
            for module, version, digest in self.sums or ()
            if (module, version.removesuffix("/go.mod")) in pinned
        )

    def folder_of(self, path: str) -> str | None:
        """The folder of the workspace that replaces a required module."""
        found = self.required.get(path)
        return resolve(self.folder, found.source) if found and found.local else None


def go_requirements(tree: SourceTree, modules: GoModules) -> GoRequirements | None:
    """What the manifests of a module say; None where only their bytes tell what a build makes of them."""
    if modules.work is not None or modules.vendored:
        return None
    facts = tree.facts(join(modules.main, MOD), _MOD)
    sum_path = join(modules.main, SUM)
    sums = tree.facts(sum_path, _SUM) if tree.is_file(sum_path) else None
    found = requirements_of(modules.main, facts, sums)
    return found if _is_plain(facts) and len(found.required) == len(facts["requires"]) else None


def requirements_of(
    folder: str, facts: GoModFacts, sums: list[tuple[str, str, str]] | None
) -> GoRequirements:
    required = {path: _requirement(path, version, facts) for path, version in facts["requires"]}
    pins: dict[tuple[str, str], tuple[str, ...]] = {}
    for module, version, digest in sums or ():
        pins[module, version] = (*pins.get((module, version), ()), digest)
    return GoRequirements(folder, facts, required, sums, pins)


def _requirement(path: str, version: str, facts: GoModFacts) -> GoRequirement:
    for old in (version, ""):
        for replaced, old_version, source, source_version, _, _ in facts["replaces"]:
            if (replaced, old_version) == (path, old):
                return GoRequirement(path, version, source, source_version)
    return GoRequirement(path, version, path, version)


def _is_plain(facts: GoModFacts) -> bool:
    """Whether nothing is in go.mod but what is understood here, each thing once."""
    minor = re.match(r"1\.(\d+)", facts["go"])
    replaced = [(path, old) for path, old, *_ in facts["replaces"]]
    words = [facts["module"], facts["go"], *facts["godebugs"]]
    words += [word for one in (*facts["requires"], *facts["excludes"]) for word in one]
    words += [word for one in facts["replaces"] for word in one[:4] if word]
    return (
        not facts["others"]
        and minor is not None
        and int(minor[1]) >= _LAZY
        and len(set(replaced)) == len(replaced)
        and not set(facts["requires"]) & set(facts["excludes"])
        and all(map(_WORD.fullmatch, words))
    )


def unused_manifests(
    requirements: GoRequirements, manifests: tuple[str, ...], used: frozenset[str]
) -> tuple[str, ...]:
    """Those of local replacements that no package is imported from."""
    kept = {requirements.folder, *(requirements.folder_of(path) for path in used)}
    return tuple(path for path in manifests if parent(path) not in kept)
