"""Test actions: recorded only if they pass, never answered by the engine's cache, run again if asked."""

from dataclasses import dataclass, field

import pytest

from buildsys.errors import CheckFailed
from buildsys.events import Outcome
from buildsys.execution.ports import Progress
from buildsys.model.action import ActionResult, KeyedAction, Role
from tests.builds import Checkout, action, source_files, target
from tests.fakes import MemoryStore

BELOW = action("modules", ("go.mod",))
API, WEB = (
    target(
        name, BELOW, action("tests", (f"cmd/{name}/x_test.go",), below=("modules",), role=Role.TEST)
    )
    for name in ("api", "web")
)


@dataclass
class StrictJudge:
    """Lets no test pass that one of `failing` is an input of."""

    failing: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def judge(self, keyed: KeyedAction, _result: ActionResult, progress: Progress) -> None:
        (path,) = keyed.action.sources[0].files
        self.asked.append(path)
        if path in self.failing:
            progress.output("no moon\n")
            raise CheckFailed("1 of 1 tests failed")


@pytest.fixture
def judge() -> StrictJudge:
    return StrictJudge()


@pytest.fixture
def checkout(memory_store: MemoryStore, judge: StrictJudge) -> Checkout:
    files = source_files("go.mod", "cmd/api/x_test.go", "cmd/web/x_test.go")
    return Checkout(memory_store, files, judge=judge)


def test_tests_that_passed_are_not_run_again(checkout: Checkout, judge: StrictJudge) -> None:
    assert checkout.build(API, WEB).solves == 3
    assert sorted(judge.asked) == ["cmd/api/x_test.go", "cmd/web/x_test.go"]
    assert checkout.build(API, WEB).solves == 0
    assert len(judge.asked) == 2, "nothing ran, so nobody is asked"


def test_only_tests_are_judged_and_only_they_bypass_the_cache(
    checkout: Checkout, judge: StrictJudge
) -> None:
    checkout.build(API)
    assert judge.asked == ["cmd/api/x_test.go"]
    assert {request.stage: request.no_cache for request in checkout.solver.requests} == {
        "modules": False, "tests": True,
    }  # fmt: skip


def test_a_failure_is_not_recorded_and_stops_no_other_tests(
    checkout: Checkout, judge: StrictJudge
) -> None:
    judge.failing.add("cmd/api/x_test.go")
    report = checkout.build(API, WEB, keep_going=True)
    assert [str(error) for error in report.errors] == ["1 of 1 tests failed"]
    assert [one.outcome for one in report.targets] == [Outcome.FAILED, Outcome.BUILT]
    assert checkout.build(API, WEB, keep_going=True).solves == 1, "the failing ones run again"
    judge.failing.clear()
    assert checkout.build(API, WEB).solves == 1
    assert checkout.build(API, WEB).solves == 0


def test_tests_run_again_if_asked_without_what_lies_below(checkout: Checkout) -> None:
    checkout.build(API)
    report = checkout.build(API, rerun_tests=True)
    assert checkout.solver.stages == ["tests"]
    assert report.targets[0].outcome is Outcome.BUILT


def test_what_failed_when_run_again_counts_as_failed(
    checkout: Checkout, judge: StrictJudge
) -> None:
    checkout.build(API)
    judge.failing.add("cmd/api/x_test.go")
    report = checkout.build(API, rerun_tests=True)
    assert report.targets[0].layers[-1].result is None
    assert report.errors
    judge.failing.clear()
    assert checkout.build(API).solves == 1, "that they passed before is forgotten"
