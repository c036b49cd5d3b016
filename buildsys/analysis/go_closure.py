"""Which modules an import closure uses: import paths → modules, by what is known of each module's packages."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from buildsys.analysis.go_requirements import GoRequirements
from buildsys.analysis.paths import is_below
from buildsys.model.sources import GoModule, Imports


@dataclass(frozen=True, slots=True)
class Reach:
    """What is used from some import paths on."""

    modules: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()
    """Modules whose packages have to be known to go on."""
    lost: bool = False
    """Something is imported that no module has, or more than one: Go itself has to say what comes of it."""


_NOTHING = Reach()
_LOST = Reach(lost=True)


@dataclass(slots=True)
class GoReach:
    """Follows imports through the modules that one go.mod requires; remembers what it found."""

    requirements: GoRequirements
    own: tuple[str, ...]
    """Import prefixes of the workspace's modules."""
    imports_of: Callable[[GoModule], Imports | None]
    _known: dict[str, Reach] = field(default_factory=dict)
    _imports: dict[str, Imports | None] = field(default_factory=dict)
    """Of each module that was looked up: most have many packages, and are read from a file."""

    def of(self, import_paths: Iterable[str]) -> Reach:
        """What is used by a program that imports these packages."""
        return _joined(_NOTHING, [self._reach(path) for path in import_paths])

    def _reach(self, start: str) -> Reach:
        """Depth first and without recursion: chains of imports are long. Packages import in no circle."""
        known = self._known
        waiting: dict[str, tuple[Reach, tuple[str, ...]]] = {}
        stack = [start]
        while stack:
            path = stack[-1]
            if path in known:
                stack.pop()
            elif path not in waiting:
                waiting[path] = self._direct(path)
                stack += (below for below in waiting[path][1] if below not in known)
            else:
                here, imports = waiting.pop(path)
                known[path] = _joined(here, [known.get(below, _LOST) for below in imports])
        return known[start]

    def _direct(self, path: str) -> tuple[Reach, tuple[str, ...]]:
        """The module that has a package, and what the package imports."""
        candidates = self._candidates(path)
        own = max((len(prefix) for prefix in self.own if is_below(path, prefix)), default=0)
        if own and own >= max(map(len, candidates), default=0):
            return _LOST, ()  # A module that imports this workspace: its files don't count yet.
        if not candidates:
            return (_NOTHING if "." not in path.partition("/")[0] else _LOST), ()
        modules = [self.requirements.module(candidate) for candidate in candidates]
        if None in modules:
            return _LOST, ()  # go.sum has no line of it.
        having = {module.path: self._of_module(module) for module in modules if module is not None}
        unknown = frozenset(candidate for candidate, imports in having.items() if imports is None)
        if unknown:
            return Reach(unknown=unknown), ()
        found = [
            (name, imports[path]) for name, imports in having.items() if imports and path in imports
        ]
        if len(found) != 1:
            return _LOST, ()
        return Reach(frozenset({found[0][0]})), found[0][1]

    def _of_module(self, module: GoModule) -> Imports | None:
        if module.path not in self._imports:
            self._imports[module.path] = self.imports_of(module)
        return self._imports[module.path]

    def _candidates(self, path: str) -> list[str]:
        """Required modules that may have the package."""
        required = self.requirements.required
        found = []
        while path:
            if path in required and not required[path].local:
                found.append(path)
            path = path.rpartition("/")[0]
        return found


def _joined(first: Reach, others: list[Reach]) -> Reach:
    reaches = (first, *others)
    return Reach(
        frozenset().union(*(one.modules for one in reaches)),
        frozenset().union(*(one.unknown for one in reaches)),
        lost=any(one.lost for one in reaches),
    )
