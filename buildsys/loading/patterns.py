"""Target patterns: what users write to mean some of the targets.

//cmd/api  //cmd/api:image   a label
//cmd/...  cmd/...  ...      every target in that folder and below it
//cmd/api:all                every target of a package
all  //...                   every target
:image                       a target of the package one is in
api                          the one target of that name
cmd/api/main.go  cmd/api     whose source it is: the targets of the nearest package upwards
.  ./main.go                 the same for a path that starts in the folder one is in
-PATTERN                     without these
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from buildsys.errors import UsageError
from buildsys.loading.nodes import shown
from buildsys.loading.suggestions import nearest
from buildsys.model.label import Label, is_package_path

_ALL = "all"
_BELOW = "..."


def select(
    patterns: Sequence[str], workspace_targets: Collection[Label], cwd_package: str = ""
) -> tuple[Label, ...]:
    """The labels that the patterns mean together, sorted; each pattern adds or removes some.

    `cwd_package` is the folder that `:name`, `...` and `./` start from; nothing else does.

    Raises:
        UsageError: a pattern means no target, or a name means several.
    """
    matching = _Matching(frozenset(workspace_targets), cwd_package)
    only_excludes = all(pattern.startswith("-") for pattern in patterns)
    chosen = set(workspace_targets) if patterns and only_excludes else set()
    for pattern in patterns:
        if pattern.startswith("-"):
            chosen.difference_update(matching.labels(pattern[1:]))
        else:
            chosen.update(matching.labels(pattern))
    return tuple(sorted(chosen))


@dataclass(frozen=True, slots=True)
class _Matching:
    """One pattern at a time against all targets."""

    targets: frozenset[Label]
    here: str

    def labels(self, pattern: str) -> Collection[Label]:
        if pattern in {_ALL, f"//{_BELOW}"}:
            return self.targets
        text = self._from_root(pattern)
        if text == _BELOW:
            return self.targets
        if text.endswith(f"/{_BELOW}"):
            return self._below(_folder(text.removesuffix(_BELOW), pattern), pattern)
        if text.startswith("//"):
            return self._labelled(text, pattern)
        if "/" not in pattern and pattern != ".":
            named = [label for label in self.targets if label.name == text]
            if named:
                return (_only(named, pattern),)
            if not text or not self._of_package(text):
                raise self._unknown(pattern)
        return self._owning(_folder(text, pattern), pattern)

    def _from_root(self, pattern: str) -> str:
        if pattern.startswith(":"):
            return f"//{self.here}{pattern}"
        if pattern in {".", _BELOW} or pattern.startswith("./"):
            path = pattern.removeprefix(".") if pattern != _BELOW else f"/{_BELOW}"
            return f"{self.here}{path}".strip("/") or "."
        return pattern

    def _labelled(self, text: str, pattern: str) -> Collection[Label]:
        if text.endswith(f":{_ALL}"):
            package = _folder(text.removesuffix(f":{_ALL}"), pattern)
            return self._found(self._of_package(package), pattern)
        label = Label.parse(text)
        return self._found((label,) if label in self.targets else (), pattern)

    def _below(self, folder: str, pattern: str) -> Collection[Label]:
        prefix = f"{folder}/" if folder else ""
        found = [
            label
            for label in self.targets
            if label.package == folder or label.package.startswith(prefix)
        ]
        return self._found(found, pattern)

    def _owning(self, path: str, pattern: str) -> Collection[Label]:
        folder = path
        while True:
            found = self._of_package(folder)
            if found or not folder:
                return self._found(found, pattern)
            folder = folder.rpartition("/")[0]

    def _of_package(self, package: str) -> list[Label]:
        return [label for label in self.targets if label.package == package]

    def _found(self, labels: Collection[Label], pattern: str) -> Collection[Label]:
        if not labels:
            raise self._unknown(pattern)
        return labels

    def _unknown(self, pattern: str) -> UsageError:
        folder = pattern.strip("/")
        if any(label.package.startswith(f"{folder}/") for label in self.targets):
            hint = f"did you mean `//{folder}/{_BELOW}`, all targets below that folder?"
        else:
            hint = nearest(pattern, _spellings(self.targets)) or "`bs status` shows all targets"
        return UsageError(f"{shown(pattern)} means no target", hint=hint)


def _only(labels: Sequence[Label], pattern: str) -> Label:
    if len(labels) > 1:
        names = ", ".join(f"`{label}`" for label in sorted(labels))
        raise UsageError(f"{shown(pattern)} could mean {names}", hint="write one of these labels")
    return labels[0]


def _folder(text: str, pattern: str) -> str:
    """A folder or file of the workspace in the spelling of labels."""
    if text.startswith("/") and not text.startswith("//"):
        hint = "paths start in the root folder of the workspace"
        raise UsageError(f"{shown(pattern)} is an absolute path", hint=hint)
    relative = text.removeprefix("//").rstrip("/")
    if relative in {"", "."}:
        return ""
    if not {"", ".", ".."}.isdisjoint(relative.split("/")):
        hint = "write it from the root folder of the workspace, without `.` and `..`"
        raise UsageError(f"{shown(pattern)} is not a path of the workspace", hint=hint)
    if text.startswith("//") and not is_package_path(relative):
        raise UsageError(f"{shown(pattern)} is not a target pattern", hint="write `//folder/...`")
    return relative


def _spellings(labels: Iterable[Label]) -> list[str]:
    """What might have been meant: labels and names."""
    return sorted({spelling for label in labels for spelling in (str(label), label.name)})
