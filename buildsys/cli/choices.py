"""The options of `bs build` and `bs status`, however they were read."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class BuildChoices:
    """The options of `bs build`."""

    patterns: tuple[str, ...] = ()
    json: bool = False
    jobs: int | None = None
    keep_going: bool = False
    force: bool = False
    dry_run: bool = False
    events: str = ""
    profile: str = ""
    cache: str = ""
    images: bool = False
    """Have their bytes here in the end; see `Options`."""
    summary: str = ""
    report: str = ""
    code_quality: str = ""
    asked: tuple[str, ...] = ()
    """The arguments under which the answer may be remembered, if any; what writes files is done anew."""

    @property
    def told(self) -> bool:
        """Whether others than whoever started it are told what became of the build."""
        environment = os.environ
        files = (
            self.summary,
            self.report,
            self.code_quality,
            environment.get("GITHUB_STEP_SUMMARY"),
        )
        return any(files) or environment.get("GITHUB_ACTIONS") == "true"


@dataclass(frozen=True)
class StatusChoices:
    """The options of `bs status`."""

    patterns: tuple[str, ...] = ()
    json: bool = False
    explain: bool = False
    exit_code: bool = False
    cache: str = ""
    asked: tuple[str, ...] = ()
    """See `BuildChoices.asked`."""
