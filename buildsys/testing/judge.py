"""Whether a test action's result may be recorded."""

from dataclasses import dataclass, field

from buildsys.errors import CheckFailed
from buildsys.execution.ports import Progress
from buildsys.images.stored import StoredImage
from buildsys.model.action import ActionResult, KeyedAction
from buildsys.model.digest import ActionKey
from buildsys.model.tests import TestRun, Verdict
from buildsys.store.blobs import Blobs
from buildsys.testing.results import read_results


@dataclass(slots=True)
class TestJudge:
    """The port `Judge`; keeps what it has read in `runs`."""

    __test__ = False

    blobs: Blobs
    runs: dict[ActionKey, TestRun] = field(default_factory=dict)

    def judge(self, keyed: KeyedAction, result: ActionResult, progress: Progress) -> None:
        run = self.runs[keyed.key] = self.read(result)
        if run.passed:
            return
        progress.output(run.log)
        raise CheckFailed(_verdict(run))

    def read(self, result: ActionResult) -> TestRun:
        return read_results(StoredImage(self.blobs, result))


def _verdict(run: TestRun) -> str:
    if run.timed_out:
        return f"the tests took longer than their test_timeout, and were stopped after {run.duration_s:.0f} s"
    failed = run.count(Verdict.FAILED)
    if failed:
        return f"{failed} of {len(run.cases)} tests failed"
    return f"the tests ended with exit code {run.exit_code}"
