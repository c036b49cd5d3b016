"""The Go targets of a workspace: their sources, what they share, and what each notices of its manifests."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from buildsys.analysis.go_noticing import GoNoticing, NoFacts
from buildsys.analysis.go_sources import go_sources
from buildsys.analysis.go_tests import go_tests
from buildsys.model.label import Label
from buildsys.model.sources import GoSources, ModuleFacts, SourceTree, TestSources
from buildsys.model.target import Target
from buildsys.rules.go_stages import TAGS
from buildsys.rules.registry import GO


@dataclass(slots=True)
class GoServices:
    """Remembers what it found."""

    targets: Mapping[Label, Target]
    tree: SourceTree
    platform: str
    refused: Callable[[Target], Callable[[str], bool]]
    """Whether a file of the workspace stays out of a target, whatever imports it."""
    facts: ModuleFacts = field(default_factory=NoFacts)
    last: bool = False
    """Nothing more will be known: what is unknown now counts as it is."""
    _sources: dict[Label, GoSources] = field(default_factory=dict)
    _external: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    """Builder and module → external packages of all services."""
    _noticing: dict[tuple[str, str], GoNoticing] = field(default_factory=dict)

    def knowing(self, facts: ModuleFacts, *, last: bool) -> "GoServices":
        """The same with what is known of modules now."""
        return replace(self, facts=facts, last=last, _noticing={})

    def sources(self, target: Target) -> GoSources:
        """A target's own.

        Raises:
            BuildFileError: they can't be understood.
        """
        known = self._sources.get(target.label)
        if known is None:
            system, _, machine = self.platform.partition("/")
            known = go_sources(
                self.tree, target.label.package, goos=system, goarch=machine, tags=TAGS
            )
            refused = self.refused(target)
            known = replace(known, files=tuple(p for p in known.files if not refused(p)))
            self._sources[target.label] = known
        return known

    def image(self, target: Target, data: tuple[str, ...]) -> GoSources:
        """What making the image takes; `data` are files that the target names."""
        own = self.sources(target)
        noticing = self._noticing_of(target, own)
        noticed = noticing.noticed(own, own.external, own.replaced, data)
        return replace(self._shared(target, noticing), noticed=noticed)

    def tests(self, target: Target, data: tuple[str, ...]) -> tuple[GoSources, TestSources]:
        """What running the tests takes."""
        own = self.sources(target)
        system, _, machine = self.platform.partition("/")
        tests = go_tests(self.tree, own, goos=system, goarch=machine, tags=TAGS)
        noticing = self._noticing_of(target, own)
        noticed = noticing.noticed(own, tests.external, tests.replaced, data)
        return self._shared(target, noticing), replace(tests, noticed=noticed)

    def _shared(self, target: Target, noticing: GoNoticing) -> GoSources:
        """With the external packages of all services of the module: one compiled layer serves them all."""
        own, builder = self.sources(target), target.text("builder")
        if builder not in self._external:
            unions = self._external[builder] = {}
            for other in self.targets.values():
                if other.rule == GO.name and other.text("builder") == builder:
                    found = self.sources(other)
                    unions.setdefault(found.module, set()).update(found.external)
        external = tuple(sorted(self._external[builder][own.module]))
        return replace(own, external=external, plain=noticing.plain)

    def _noticing_of(self, target: Target, sources: GoSources) -> GoNoticing:
        builder = target.text("builder")
        known = self._noticing.get((sources.module, builder))
        if known is None:
            known = GoNoticing.of(
                self.tree,
                sources,
                lambda module: self.facts.imports(builder, module),
                last=self.last,
            )
            self._noticing[sources.module, builder] = known
        return known
