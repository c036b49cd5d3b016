"""requirements.txt and what it includes; requirements that no image could install are refused."""

import re
from typing import TypedDict

from buildsys.analysis.paths import join, nearest, parent, resolve
from buildsys.analysis.requirements_text import RequirementsTextReader, logical_lines
from buildsys.errors import BuildFileError, Location
from buildsys.model.sources import Derived, SourceTree

# A name with extras, and what pip takes for a path: a dot, a slash, or an archive in front.
_INCLUDE = re.compile(r"(?:-r|-c|--requirement|--constraint)(?:\s*=\s*|\s*)(?P<path>.+)$")
_EDITABLE = re.compile(r"(?:-e|--editable)(?=[\s=]|$)")
_FILE_URL = re.compile(r"(?:^|[@\s=])\s*file:", re.IGNORECASE)
_URL = re.compile(r"(?:^|@\s*)[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_ARCHIVE = re.compile(r"\.(?:whl|zip|tar|tar\.(?:gz|bz2|xz)|tgz)(?:\[.*\])?$")
_OPTIONS = re.compile(r"\s--(?:hash|config-settings)\b")
_HINT = (
    "import the workspace's own packages instead: they are found by their imports and need no entry"
)


class RequirementsFacts(TypedDict):
    """Included files and refused requirements, each with line and column."""

    includes: list[tuple[str, int, int]]
    refused: list[tuple[str, int, int]]


class RequirementsReader:
    """Reads pip's requirements files."""

    name = "requirements/2"

    def read(self, text: str) -> RequirementsFacts:
        facts: RequirementsFacts = {"includes": [], "refused": []}
        for whole, line, column in logical_lines(text):
            requirement = _OPTIONS.split(whole)[0].strip()
            included = _INCLUDE.match(requirement)
            if included and not _URL.match(included["path"]):
                path = included["path"].strip().strip("\"'")
                facts["includes"].append((path, line, column + included.start("path")))
            elif not included and _is_local(requirement):
                facts["refused"].append((requirement, line, column))
        return facts


def requirements(tree: SourceTree, folder: str, name: str) -> Derived:
    """The nearest requirements file upwards and all that it includes, itself first, with what pip reads.

    Raises:
        BuildFileError: an included file isn't there, or a requirement is a local path.
    """
    home = nearest(tree, folder, name)
    found = [] if home is None else [join(home, name)]
    for path in found:  # grows on the way; a file that includes itself is met once
        facts = tree.facts(path, _READER)
        for text, line, column in facts["refused"]:
            raise BuildFileError(
                f"`{text}` is a local requirement", at=Location(path, line, column), hint=_HINT
            )
        for written, line, column in facts["includes"]:
            included = _included(tree, path, written, Location(path, line, column))
            if included not in found:
                found.append(included)
    return tuple((path, tree.facts(path, _TEXT_READER)) for path in found)


_READER = RequirementsReader()
_TEXT_READER = RequirementsTextReader()


def _included(tree: SourceTree, path: str, written: str, at: Location) -> str:
    included = resolve(parent(path), written)
    if included is None:
        raise BuildFileError(
            f"`{written}` is outside the workspace", at=at, hint="move the file into it"
        )
    if not tree.is_file(included):
        raise BuildFileError(f"there is no file `{included}`", at=at, hint="mend the path")
    return included


def _is_local(requirement: str) -> bool:
    """Whether pip would look for it among the files of the machine."""
    if _EDITABLE.match(requirement):
        return True
    if requirement.startswith("-"):
        return False
    if _FILE_URL.search(requirement):
        return True
    target = requirement.partition(";")[0].strip()
    if _URL.search(target):
        return False
    return target.startswith((".", "/", "~")) or "/" in target or bool(_ARCHIVE.search(target))
