"""What `modules` wrote down of its modules' packages, with the go.mod and go.sum that they belong to.

`folders` has the modules' folders (…/mod/ESCAPED@VERSION), `packages` has lines `NUMBER/PACKAGE IMPORT…`: the
number is that of a folder's line.
"""

import re
from collections.abc import Mapping

from buildsys.analysis.go_mod import GoModReader, GoSumReader
from buildsys.analysis.go_requirements import requirements_of
from buildsys.analysis.paths import join
from buildsys.model.sources import GoModule, Imports

_ESCAPED = re.compile("!([a-z])")
"""How Go writes capital letters in the names of folders."""
_PACKAGE = re.compile(r"(\d+)(?:/(\S+))?((?: \S+)*)")


def modules_listed(files: Mapping[str, str]) -> dict[GoModule, Imports]:
    """What is known of each module that is required, pinned and was there.

    Raises:
        KeyError: a file is missing.
    """
    sums = GoSumReader().read(files["go.sum"]) if "go.sum" in files else None
    requirements = requirements_of("", GoModReader().read(files["go.mod"]), sums)
    packages = _packages(files["packages"])
    contents = {
        _content(folder): packages.get(number, {})
        for number, folder in enumerate(files["folders"].splitlines(), 1)
    }
    found: dict[GoModule, Imports] = {}
    for module in map(requirements.module, requirements.required):
        if module is not None and (module.source, module.version) in contents:
            content = contents[module.source, module.version]
            found[module] = {join(module.path, name): imports for name, imports in content.items()}
    return found


def _packages(lines: str) -> dict[int, dict[str, tuple[str, ...]]]:
    """Number of the module → folder in the module → imports."""
    found: dict[int, dict[str, tuple[str, ...]]] = {}
    for line in lines.splitlines():
        if parts := _PACKAGE.fullmatch(line):
            found.setdefault(int(parts[1]), {})[parts[2] or ""] = tuple(parts[3].split())
    return found


def _content(folder: str) -> tuple[str, str]:
    """`/go/pkg/mod/github.com/!burnt/x@v1.2.3` → `github.com/Burnt/x`, `v1.2.3`."""
    path, _, version = folder.partition("/pkg/mod/")[2].rpartition("@")
    return _unescaped(path), _unescaped(version)


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: found[1].upper(), text)
