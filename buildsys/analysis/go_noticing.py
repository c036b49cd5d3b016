"""What of go.mod and go.sum a service of a module notices: the lines of the modules that it uses."""

from collections.abc import Callable
from dataclasses import dataclass, field

from buildsys.analysis.go_closure import GoReach
from buildsys.analysis.go_modules import go_modules
from buildsys.analysis.go_requirements import GoRequirements, go_requirements, unused_manifests
from buildsys.model.sources import (
    Derived,
    GoManifests,
    GoModule,
    GoSources,
    Imports,
    SourceTree,
)


class NoFacts:
    """The port `ModuleFacts` where nothing is known."""

    def imports(self, builder: str, module: GoModule) -> Imports | None:  # noqa: ARG002
        return None


@dataclass(frozen=True, slots=True)
class GoNoticing:
    """For the services of one module that are built with one toolchain."""

    requirements: GoRequirements | None
    reach: GoReach | None
    last: bool
    plain: Derived = ()
    """go.mod and go.sum with all modules; empty where every byte of them counts."""
    _exact: dict[frozenset[str], GoManifests] = field(default_factory=dict)
    """Many services use the same modules."""

    @staticmethod
    def of(
        tree: SourceTree,
        sources: GoSources,
        imports_of: Callable[[GoModule], Imports | None],
        *,
        last: bool,
    ) -> "GoNoticing":
        """`last` says that what isn't known now never will be."""
        modules = go_modules(tree, sources.package)
        requirements = go_requirements(tree, modules)
        if requirements is None:
            return GoNoticing(None, None, last)
        own = tuple(path for path, _ in modules.prefixes)
        reach = GoReach(requirements, own, imports_of)
        return GoNoticing(requirements, reach, last, requirements.plain())

    def noticed(
        self,
        sources: GoSources,
        external: tuple[str, ...],
        replaced: tuple[str, ...],
        data: tuple[str, ...],
    ) -> GoManifests | None:
        """What counts for a program that imports `external` packages and may read the files of `data`.

        None where it is every byte of the manifests.
        """
        if self.requirements is None or self.reach is None or sources.reads_manifests:
            return None
        if not set(data).isdisjoint(sources.manifests):
            return None
        reach = self.reach.of(external)
        if reach.lost or (reach.unknown and self.last):
            return GoManifests(self.plain)
        if reach.unknown:
            return GoManifests((), unknown=tuple(sorted(reach.unknown)))
        used = reach.modules.union(replaced)
        known = self._exact.get(used)
        if known is None:
            unused = unused_manifests(self.requirements, sources.manifests, used)
            texts = self.requirements.texts(used.__contains__)
            known = self._exact[used] = GoManifests(texts, exact=True, unused=unused)
        return known
