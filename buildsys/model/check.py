"""What `bs verify` checks of an image, and what it finds."""

from dataclasses import dataclass
from enum import StrEnum

from buildsys.model.digest import ImageDigest
from buildsys.model.label import Label


class Check(StrEnum):
    """A closed list; BUILD.yaml may name one in `waive`."""

    USER = "user"
    """Neither user nor group is root, and both are numbers."""
    SETUID = "setuid"
    """No file lends its owner's rights to whoever runs it."""
    STATIC = "static"
    """The program needs no interpreter and no library, where the rule promises that."""
    STRIPPED = "stripped"
    """No program or library of the code layer has a symbol table or debugging information."""
    TRIMMED = "trimmed"
    """The program names no folder of the build, where the rule promises that."""
    TOOLS = "tools"
    """No compiler."""
    CACHES = "caches"
    """Nothing that package managers, pip, Go or cargo kept for later."""
    SOURCES = "sources"
    """No file of the workspace that isn't an input of this image."""
    LABELS = "labels"
    """Labels say what the image is, and nothing that changes with the commit or the time."""
    SIZE = "size"
    """Within `max_size`."""
    HEALTH = "health"
    """There is a health check, and it succeeds when the image runs."""
    REPRODUCIBLE = "reproducible"
    """Built again from nothing it is the same, to the bit (`--rebuild`)."""


class Verdict(StrEnum):
    """What became of a check."""

    PASSED = "passed"
    FAILED = "failed"
    WAIVED = "waived"
    """It failed, and the target says that it may."""
    NOT_ASKED = "not_asked"
    """It doesn't concern this image, or was switched off."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check of one image; `problems` say what is wrong, each of them in one line or more."""

    check: Check
    verdict: Verdict
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verification:
    """All checks of one image."""

    label: Label
    digest: ImageDigest
    findings: tuple[Finding, ...]

    @property
    def failed(self) -> bool:
        return any(finding.verdict is Verdict.FAILED for finding in self.findings)
