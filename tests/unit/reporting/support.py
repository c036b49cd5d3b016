"""One workspace in all states, to be shown."""

from buildsys.errors import BuildFailed
from buildsys.events import Outcome
from buildsys.execution.lookup import LayerState, LayerStatus, TargetStatus
from buildsys.execution.report import BuildReport, CriticalStep, LayerReport, TargetReport
from buildsys.keys.explain import Reason, ReasonCode
from buildsys.model.action import ActionResult, Blob, Role
from buildsys.model.digest import ActionKey, Digest, ImageDigest
from buildsys.model.label import Label

API = Label("cmd/api", "api")
WORKER = Label("cmd/worker", "worker")
NEW = Label("cmd/new", "new")
DIGEST = ImageDigest("sha256:" + "d" * 64)
CHANGED = Reason(ReasonCode.FILE_CHANGED, path="cmd/worker/main.go")
BASE = Reason(ReasonCode.BASE_CHANGED, subject="alpine")


def key(number: int) -> ActionKey:
    return ActionKey(str(number) * 64)


def result(unpacked: int, duration_s: float = 30.0) -> ActionResult:
    digest = Digest("sha256:" + "e" * 64)
    blobs = (Blob(digest, 500), Blob(digest, 700), Blob(digest, 4_000), Blob(digest, 1_000))
    return ActionResult(DIGEST, blobs, unpacked, duration_s)


STATUSES = (
    TargetStatus(
        API,
        "go_image",
        (
            LayerStatus("modules", Role.DEPENDENCY, LayerState.FRESH, key(1), result(90_000_000)),
            LayerStatus("image", Role.CODE, LayerState.FRESH, key(2), result(12_345_678)),
        ),
    ),
    TargetStatus(
        WORKER,
        "go_image",
        (
            LayerStatus("modules", Role.DEPENDENCY, LayerState.FRESH, key(1), result(90_000_000)),
            LayerStatus("image", Role.CODE, LayerState.STALE, key(3), None, (BASE, CHANGED)),
        ),
    ),
    TargetStatus(
        NEW,
        "rust_image",
        (
            LayerStatus(
                "image",
                Role.CODE,
                LayerState.MISSING,
                None,
                None,
                (Reason(ReasonCode.BASE_MISSING, subject="rust"),),
            ),
        ),
    ),
)

MODULES = LayerReport("modules", Role.DEPENDENCY, Outcome.FRESH, key(1), result(90_000_000), 0.0)
A, B = "tcp://a:1", "tcp://b:1"
REPORT = BuildReport(
    (
        TargetReport(
            API,
            "go_image",
            (
                MODULES,
                LayerReport(
                    "image", Role.CODE, Outcome.BUILT, key(2), result(12_345_678), 2.04, engine=A
                ),
            ),
            10_000_000,
        ),
        TargetReport(
            WORKER,
            "go_image",
            (
                MODULES,
                LayerReport("image", Role.CODE, Outcome.FAILED, key(3), None, 75.0, "exit 1", B),
            ),
            None,
        ),
        TargetReport(
            NEW,
            "rust_image",
            (LayerReport("image", Role.CODE, Outcome.SKIPPED, key(4), None, 0.0),),
            None,
        ),
    ),
    solves=2,
    duration_s=77.1234,
    critical_path=(CriticalStep("image", (WORKER,), 75.0),),
    errors=(BuildFailed("exit 1"),),
    solves_by_engine={A: 1, B: 1},
)
