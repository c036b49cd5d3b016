"""What tests came to."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What became of one test case."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    FLAKY = "flaky"
    """It failed at first, and passed when it was tried again."""


@dataclass(frozen=True, slots=True)
class TestCase:
    """One case; `suite` is a Go package, a Python class or module, a Rust test program."""

    __test__ = False  # pytest takes classes of such a name for tests

    suite: str
    name: str
    verdict: Verdict
    duration_s: float = 0.0
    output: str = ""
    """What it said, where it failed or was skipped."""


@dataclass(frozen=True, slots=True)
class TestRun:
    """All attempts of the tests of one target, the last one deciding."""

    __test__ = False

    cases: tuple[TestCase, ...]
    exit_code: int
    duration_s: float
    """Of all attempts."""
    attempts: int
    timed_out: bool
    log: str
    """What the last attempt wrote, for people."""

    @property
    def passed(self) -> bool:
        return self.exit_code == 0

    def count(self, verdict: Verdict) -> int:
        return sum(case.verdict is verdict for case in self.cases)
