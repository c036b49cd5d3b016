"""The tests of a Go service: those of all its packages in the workspace, with what they import and read."""

from buildsys.analysis.go_constraint import GoPlatform, name_matches
from buildsys.analysis.go_modules import go_modules
from buildsys.analysis.go_sources import (
    READER,
    Closure,
    GoPackage,
    embedded_by,
    follow,
    is_built,
    replaced_modules,
)
from buildsys.analysis.paths import join, parent
from buildsys.model.sources import GoSources, SourceTree, TestSources

_TESTDATA = "testdata"


def go_tests(
    tree: SourceTree, sources: GoSources, *, goos: str, goarch: str, tags: tuple[str, ...]
) -> TestSources:
    """The tests of the packages that `sources` consists of.

    Raises:
        BuildFileError: a test imports what isn't there.
    """
    platform = GoPlatform(goos, goarch, frozenset(tags))
    modules = go_modules(tree, sources.package)
    folders = sorted({parent(path) for path in sources.files if path.endswith(".go")})
    tests = [found for folder in folders if (found := _tests_of(tree, folder, platform)).sources]
    closure = Closure()
    follow(tree, modules, closure, tests, platform)
    files = {*sources.files, *_files_of(closure)}
    for package in tests:
        files.update(package.files)
        files.update(tree.files_below(join(package.folder, _TESTDATA)))
    return TestSources(
        tuple(sorted(files)),
        tuple(package.folder for package in tests),
        external=tuple(sorted({*sources.external, *closure.external})),
        replaced=tuple(sorted({*sources.replaced, *replaced_modules(modules, closure)})),
    )


def _tests_of(tree: SourceTree, folder: str, platform: GoPlatform) -> GoPackage:
    found = []
    embedded: list[str] = []
    for name in tree.files_in(folder):
        path = join(folder, name)
        if name.endswith("_test.go") and not name.startswith(("_", ".")):
            facts = tree.facts(path, READER)
            if name_matches(name, platform) and is_built(facts, platform):
                found.append((path, facts))
                embedded += embedded_by(tree, path, facts)
    return GoPackage(folder, tuple(found), tuple(embedded))


def _files_of(closure: Closure) -> set[str]:
    return {path for package in closure.packages.values() for path in package.files}
