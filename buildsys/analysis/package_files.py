"""The files of a package: a folder and all below it, down to the next package."""

from collections.abc import Iterator

from buildsys.analysis.paths import is_below, join, parent
from buildsys.model.sources import SourceTree
from buildsys.model.target import ROOT_BUILD_FILE


def package_files(tree: SourceTree, folder: str) -> Iterator[str]:
    """Files of the package but its BUILD.yaml, without those of packages inside it."""
    files = tree.files_below(folder)
    borders = {parent(path) for path in files if path.rpartition("/")[2] == ROOT_BUILD_FILE}
    borders.discard(folder)
    own = join(folder, ROOT_BUILD_FILE)
    for path in files:
        if path != own and not any(is_below(path, border) for border in borders):
            yield path
