"""The layer that a test action leaves, read (see `rules.tests` for its files)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from buildsys.errors import MachineError
from buildsys.images.contents import files_of
from buildsys.images.stored import StoredImage
from buildsys.model.tests import TestCase, TestRun, Verdict
from buildsys.rules.tests import Form
from buildsys.testing.forms import read_cargo, read_go, read_junit

_GO_TIMEOUTS = ("panic: test timed out after", "*** Test killed with quit: ran too long")
"""Said in place of the output of what hangs: by package testing, and by `go test` of what hangs outside of
any test."""
_KILLED = 137


@dataclass(frozen=True, slots=True)
class _Attempt:
    exit_code: int
    duration_s: float
    cases: tuple[TestCase, ...]
    log: str


def read_results(image: StoredImage) -> TestRun:
    """What the tests came to.

    Raises:
        MachineError: the layer is damaged, or no layer of tests.
    """
    contents: dict[str, str] = {}

    def keep(path: str, content: bytes) -> None:
        contents[path] = content.decode("utf-8", errors="replace")

    files_of(image, keep)
    try:
        form = Form(contents["/form"].strip())
        count = sum(path.endswith("/end") for path in contents)
        attempts = [_attempt(contents, number, form) for number in range(1, count + 1)]
        last, limit_s = attempts[-1], float(contents["/limit"])
    except (KeyError, ValueError, IndexError):
        raise MachineError("the tests left no results", hint="run them again") from None
    return TestRun(
        cases=_with_flaky(attempts),
        exit_code=last.exit_code,
        duration_s=sum(attempt.duration_s for attempt in attempts),
        attempts=len(attempts),
        timed_out=last.exit_code != 0 and _timed_out(last, form, limit_s),
        log=last.log,
    )


def _attempt(contents: Mapping[str, str], number: int, form: Form) -> _Attempt:
    code, seconds = contents[f"/{number}/end"].split()
    log = contents[f"/{number}/log"]
    if form is Form.GO:
        cases, log = read_go(log)
    elif form is Form.JUNIT:
        cases = read_junit(contents.get(f"/{number}/junit.xml", ""))
    else:
        cases = read_cargo(log)
    return _Attempt(int(code), float(seconds), cases, log)


def _timed_out(attempt: _Attempt, form: Form, limit_s: float) -> bool:
    if form is Form.GO:
        said = any(text in attempt.log for text in _GO_TIMEOUTS)
        return said or (attempt.exit_code == _KILLED and attempt.duration_s >= limit_s)
    return attempt.duration_s >= limit_s


def _with_flaky(attempts: list[_Attempt]) -> tuple[TestCase, ...]:
    """The cases of the last attempt; those that failed before and passed now are flaky."""
    failed = {
        (case.suite, case.name): case
        for attempt in attempts[:-1]
        for case in attempt.cases
        if case.verdict is Verdict.FAILED
    }
    return tuple(
        replace(case, verdict=Verdict.FLAKY, output=failed[case.suite, case.name].output)
        if case.verdict is Verdict.PASSED and (case.suite, case.name) in failed
        else case
        for case in attempts[-1].cases
    )
