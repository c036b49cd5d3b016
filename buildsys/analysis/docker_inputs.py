"""Which files of a package the stages of a Dockerfile may read: those declared, without those ignored."""

from collections.abc import Callable
from dataclasses import dataclass

from buildsys.analysis.docker_ignore import DockerIgnoreReader, ignored
from buildsys.analysis.package_files import package_files
from buildsys.analysis.paths import join
from buildsys.errors import BuildFileError
from buildsys.model.globs import matcher
from buildsys.model.sources import SourceTree
from buildsys.model.target import Target

_IGNORE_FILE = ".dockerignore"
_IGNORE_READER = DockerIgnoreReader()


@dataclass(frozen=True, slots=True)
class PackageFiles:
    """The files of one target's package; paths are those in the workspace."""

    target: Target
    present: tuple[str, ...]
    kept: tuple[str, ...]
    """Those that the ignore file leaves."""
    ignore_file: str
    dockerfile: str

    @property
    def undeclared(self) -> tuple[str, ...]:
        """What a stage gets of which nothing is declared: all but what says how to build."""
        return tuple(path for path in self.kept if path not in {self.dockerfile, self.ignore_file})

    def relative(self, path: str) -> str:
        folder = self.target.label.package
        return path.removeprefix(f"{folder}/") if folder else path

    def declared(self, stage: str, patterns: tuple[str, ...]) -> tuple[str, ...]:
        """The files that `stages` gives to a stage; each pattern has to match something."""
        found: set[str] = set()
        for pattern in patterns:
            matches = matcher((pattern,))
            matching = [path for path in self.kept if matches(self.relative(path))]
            if not matching:
                raise BuildFileError(
                    f"no file of the package is `{pattern}`, an input of stage `{stage}`",
                    at=self.target.at,
                    hint=self.remedy(matches),
                )
            found.update(matching)
        return tuple(sorted(found))

    def remedy(self, matches: Callable[[str], bool]) -> str:
        """What to do about a file that is no input."""
        if any(matches(self.relative(path)) for path in self.kept):
            return "add it to the stage's files in `stages`"
        if any(matches(self.relative(path)) for path in self.present):
            return f"`{self.ignore_file}` leaves it out: add a line with `!` and its path there"
        return "mend the path; it is relative to the package"


def files_for(
    tree: SourceTree, target: Target, dockerfile: str, exclude: Callable[[str], bool]
) -> PackageFiles:
    """The files of the target's package; `exclude` refuses some by their path in the workspace."""
    beside = f"{dockerfile}{_IGNORE_FILE}"
    ignore = beside if tree.is_file(beside) else join(target.label.package, _IGNORE_FILE)
    out = ignored(tree.facts(ignore, _IGNORE_READER) if tree.is_file(ignore) else [])
    found = package_files(tree, target.label.package)
    present = tuple(path for path in found if not exclude(path))
    folder = f"{target.label.package}/" if target.label.package else ""
    kept = tuple(path for path in present if not out(path.removeprefix(folder)))
    return PackageFiles(target, present, kept, ignore, dockerfile)
