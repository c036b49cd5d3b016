"""Why a layer is stale: the difference of two manifests, as a closed list of reasons."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from buildsys.model.action import Manifest


class ReasonCode(StrEnum):
    """The closed list of reasons; each is documented in docs/status.md."""

    FILE_CHANGED = "file_changed"
    FILE_ADDED = "file_added"
    FILE_REMOVED = "file_removed"
    MODE_CHANGED = "mode_changed"
    MANIFEST_CHANGED = "manifest_changed"
    BASE_CHANGED = "base_changed"
    BASE_MISSING = "base_missing"
    RULE_CHANGED = "rule_changed"
    ATTRIBUTE_CHANGED = "attribute_changed"
    DEPENDENCY_LAYER_CHANGED = "dependency_layer_changed"
    INPUTS_UNKNOWN = "inputs_unknown"
    NEVER_BUILT = "never_built"
    EVICTED = "evicted"
    TARGET_ADDED = "target_added"
    NOT_COMPARED = "not_compared"


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason; `path` names a file, `subject` a base, a layer or what else the code speaks of."""

    code: ReasonCode
    path: str = ""
    subject: str = ""

    def __str__(self) -> str:
        about = self.path or self.subject
        words = self.code.replace("_", " ")
        return f"{words}: {about}" if about else words


def explain(old: Manifest, new: Manifest, language_manifests: frozenset[str]) -> tuple[Reason, ...]:
    """What differs between the manifest that was built and the one wanted.

    `language_manifests` are the paths (go.mod, requirements.txt, …) whose change is reported as
    `manifest_changed` wherever they enter.
    """
    reasons = [*_rule(old, new)]
    reasons += _changed_names(old, new, "bases", ReasonCode.BASE_CHANGED)
    reasons += _changed_names(old, new, "layers", ReasonCode.DEPENDENCY_LAYER_CHANGED)
    reasons += _files(_merged(old), _merged(new), language_manifests)
    return tuple(reasons)


def _rule(old: Manifest, new: Manifest) -> Iterator[Reason]:
    if any(
        old.get(field) != new.get(field) for field in ("schema", "rule", "layer", "rewrite_times")
    ):
        yield Reason(ReasonCode.RULE_CHANGED, subject=str(new.get("rule")))
    elif any(old.get(field) != new.get(field) for field in ("dockerfile", "stage", "platform")):
        yield Reason(ReasonCode.ATTRIBUTE_CHANGED, subject=_first_difference(old, new))


def _first_difference(old: Manifest, new: Manifest) -> str:
    before, after = (str(manifest.get("dockerfile")).splitlines() for manifest in (old, new))
    added = [line for line in after if line not in before]
    removed = [line for line in before if line not in after]
    lines = added or removed
    return lines[0].strip(" \\") if lines else str(new.get("platform"))


def _changed_names(old: Manifest, new: Manifest, field: str, code: ReasonCode) -> Iterator[Reason]:
    before, after = _mapping(old.get(field)), _mapping(new.get(field))
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield Reason(code, subject=name)


def _merged(manifest: Manifest) -> dict[str, str]:
    return {
        path: str(state)
        for context in _mapping(manifest.get("inputs")).values()
        for path, state in _mapping(context).items()
    }


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _files(
    old: dict[str, str], new: dict[str, str], language_manifests: frozenset[str]
) -> Iterator[Reason]:
    for path in sorted(old.keys() | new.keys()):
        before, after = old.get(path), new.get(path)
        if before != after:
            yield Reason(_file_code(path, before, after, language_manifests), path=path)


def _file_code(
    path: str, before: str | None, after: str | None, language_manifests: frozenset[str]
) -> ReasonCode:
    if path in language_manifests:
        return ReasonCode.MANIFEST_CHANGED
    if before is None:
        return ReasonCode.FILE_ADDED
    if after is None:
        return ReasonCode.FILE_REMOVED
    if before.removeprefix("x ") == after.removeprefix("x "):
        return ReasonCode.MODE_CHANGED
    return ReasonCode.FILE_CHANGED
