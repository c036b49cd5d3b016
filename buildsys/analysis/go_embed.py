"""`//go:embed` patterns against the files of a package folder."""

from collections.abc import Sequence

from buildsys.analysis.paths import join, matches
from buildsys.model.sources import SourceTree


def embedded(tree: SourceTree, folder: str, pattern: str) -> tuple[str, ...]:
    """The files that a pattern stands for; sorted, empty if there are none."""
    hidden_too = pattern.startswith("all:")
    elements = pattern.removeprefix("all:").strip("/").split("/")
    if elements == ["."]:
        elements = []
    literal = _literal_start(elements)
    start = join(folder, "/".join(literal))
    if tree.is_file(start):
        return (start,) if len(literal) == len(elements) else ()
    found = []
    for path in tree.files_below(start):
        parts = path[len(folder) + 1 if folder else 0 :].split("/")
        if _selects(elements, parts, hidden_too=hidden_too):
            found.append(path)
    return tuple(path for path in found if not _in_module_below(tree, folder, path))


def _literal_start(elements: Sequence[str]) -> list[str]:
    literal: list[str] = []
    for element in elements:
        if any(mark in element for mark in "*?[\\"):
            break
        literal.append(element)
    return literal


def _selects(elements: Sequence[str], parts: Sequence[str], *, hidden_too: bool) -> bool:
    """A pattern names files, or folders: then all in them but what starts with `.` or `_`."""
    depth = len(elements)
    if len(parts) < depth or not all(map(matches, elements, parts)):
        return False
    return hidden_too or not any(part.startswith((".", "_")) for part in parts[depth:])


def _in_module_below(tree: SourceTree, folder: str, path: str) -> bool:
    """Whether there is a go.mod between the package folder and the file: another module's files."""
    above = path.rpartition("/")[0]
    while above != folder:
        if tree.is_file(join(above, "go.mod")):
            return True
        above = above.rpartition("/")[0]
    return False
