"""The loop: what runs, in which order, and what is left behind when something goes wrong."""

import os
import threading

import pytest

from buildsys.errors import (
    BuildFailed,
    BuildsysError,
    InputChanged,
    InternalError,
    Interrupted,
    MachineError,
)
from buildsys.events import (
    ActionEngine,
    ActionFinished,
    ActionOutput,
    ActionStarted,
    ActionStep,
    BuildFinished,
    BuildStarted,
    Event,
    Outcome,
)
from buildsys.execution.ports import SolveRequest
from buildsys.model.action import Role, TargetActions
from tests.builds import BASES, Checkout, action, only_error, service, source_files, target
from tests.fakes import (
    FakeSolver,
    MemoryStore,
    RecordingProgress,
    RecordingSink,
    SpoilingStore,
    blob_path,
    result_of,
)

NAMES = [f"s{number}" for number in range(5)]
API = service("api")


@pytest.fixture
def checkout(memory_store: MemoryStore) -> Checkout:
    sources = [f"cmd/{name}/main.go" for name in ("api", "web", *NAMES)]
    return Checkout(memory_store, source_files("go.mod", *sources))


def failing(*stages: str) -> dict[str, BuildsysError]:
    return {stage: BuildFailed(f"{stage} failed") for stage in stages}


def test_a_build_makes_every_layer_from_below_and_the_next_build_makes_nothing(
    checkout: Checkout,
) -> None:
    report = checkout.build(API)
    assert checkout.solver.stages == ["modules", "packages", "image"]
    assert [layer.outcome for layer in report.targets[0].layers] == [Outcome.BUILT] * 3
    assert report.solves == 3
    again = checkout.build(API)
    assert checkout.solver.requests == []
    assert again.solves == 0
    assert [layer.outcome for layer in again.targets[0].layers] == [Outcome.FRESH] * 3
    assert again.targets[0].image == report.targets[0].image


def test_a_change_of_code_solves_the_code_stage_alone_on_the_stored_layers(
    checkout: Checkout,
) -> None:
    before = checkout.build(API).targets[0]
    checkout.edit("cmd/api/main.go", "new")
    after = checkout.build(API).targets[0]
    (request,) = checkout.solver.requests
    assert request.stage == "image"
    assert before.layers[1].result is not None
    assert request.contexts["packages"] == before.layers[1].result.digest
    assert after.image != before.image


def test_the_events_of_a_build_are_in_the_order_of_what_happens(checkout: Checkout) -> None:
    checkout.build(target("api", action("image", ("go.mod",))))
    kinds = [type(event) for event in checkout.sink.events]
    assert kinds == [
        *(BuildStarted, ActionStarted, ActionEngine, ActionStep, ActionFinished, BuildFinished)
    ]
    assert checkout.sink.events[0] == BuildStarted(targets=1, actions=1)
    assert checkout.sink.events[-1] == BuildFinished(failed=0, duration_s=0.0)


def test_an_action_that_five_targets_share_runs_once(checkout: Checkout) -> None:
    targets = [service(name) for name in NAMES]
    report = checkout.build(*targets, jobs=4)
    assert sorted(checkout.solver.stages) == ["image"] * 5 + ["modules", "packages"]
    assert report.solves == 7
    assert {made.outcome for made in report.targets} == {Outcome.BUILT}


def test_as_many_actions_run_at_once_as_there_are_jobs(checkout: Checkout) -> None:
    together = threading.Barrier(3)

    def begin(_request: SolveRequest) -> None:
        together.wait(timeout=20)

    checkout.solver.on_solve = begin
    free = [target(name, action("image", text=f"RUN {name}")) for name in NAMES[:3]]
    report = checkout.build(*free, jobs=3)
    assert report.errors == ()


def test_no_more_actions_run_at_once_than_there_are_jobs(checkout: Checkout) -> None:
    running, most = 0, 0
    lock = threading.Lock()
    together = threading.Barrier(2)

    def begin(_request: SolveRequest) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait(timeout=20)
        with lock:
            running -= 1

    checkout.solver.on_solve = begin
    checkout.build(*(target(n, action("image", text=f"RUN {n}")) for n in NAMES[:4]), jobs=2)
    assert most == 2


def test_what_took_long_before_starts_first(checkout: Checkout) -> None:
    checkout.expected_s = {"slow": 100.0, "quick": 1.0, "image": 1.0}
    layers = [action(name, text=f"RUN {name}") for name in ("quick", "slow")]
    checkout.build(target("api", *layers, action("image", below=("quick", "slow"))))
    assert checkout.solver.stages == ["slow", "quick", "image"]


# --- failures -------------------------------------------------------------------------------------


def test_a_failed_action_has_no_record_and_runs_again(checkout: Checkout) -> None:
    checkout.solver.failures = failing("image")
    report = checkout.build(API)
    assert str(only_error(report)) == "image failed"
    assert [layer.outcome for layer in report.targets[0].layers] == [
        Outcome.BUILT,
        Outcome.BUILT,
        Outcome.FAILED,
    ]
    assert report.targets[0].image is None
    assert len(checkout.store.records) == 2
    checkout.solver.failures = {}
    assert checkout.build(API).targets[0].outcome is Outcome.BUILT
    assert checkout.solver.stages == ["image"]


def test_what_a_failed_step_wrote_is_an_event(checkout: Checkout) -> None:
    checkout.solver.failures = failing("modules")
    checkout.build(API)
    (output,) = [e for e in checkout.sink.events if isinstance(e, ActionOutput)]
    assert output.text == "modules went wrong\n"


def test_a_failure_stops_what_has_not_started(checkout: Checkout) -> None:
    checkout.solver.failures = failing("bad")
    bad, good = target("bad", action("bad")), target("good", action("good"))
    checkout.expected_s = {"bad": 100.0}
    report = checkout.build(bad, good)
    assert checkout.solver.stages == ["bad"]
    assert checkout.sink.outcomes == {
        "bad of //cmd/bad": Outcome.FAILED,
        "good of //cmd/good": Outcome.SKIPPED,
    }
    assert [made.outcome for made in report.targets] == [Outcome.FAILED, Outcome.SKIPPED]


def test_keep_going_builds_all_that_the_failure_does_not_reach(checkout: Checkout) -> None:
    checkout.solver.failures = failing("bad")
    checkout.expected_s = {"bad": 100.0}
    bad = target("bad", action("bad"), action("above", below=("bad",)))
    report = checkout.build(bad, target("good", action("good")), keep_going=True)
    assert checkout.sink.outcomes == {
        "bad of //cmd/bad": Outcome.FAILED,
        "above of //cmd/bad": Outcome.SKIPPED,
        "good of //cmd/good": Outcome.BUILT,
    }
    assert len(report.errors) == 1


def test_keep_going_does_not_go_on_without_a_machine(checkout: Checkout) -> None:
    checkout.solver.failures = {"bad": MachineError("no BuildKit")}
    checkout.expected_s = {"bad": 100.0}
    targets = target("bad", action("bad")), target("good", action("good"))
    report = checkout.build(*targets, keep_going=True)
    assert checkout.solver.stages == ["bad"]
    assert isinstance(only_error(report), MachineError)


def test_a_failed_accelerator_is_a_warning_and_its_stand_in_enters(checkout: Checkout) -> None:
    checkout.solver.failures = failing("packages")
    report = checkout.build(API)
    assert report.errors == ()
    assert report.targets[0].outcome is Outcome.BUILT
    assert checkout.sink.warnings == [
        "layer `packages` failed, building without it: packages failed"
    ]
    modules, packages, _ = report.targets[0].layers
    assert packages.outcome is Outcome.FAILED
    assert modules.result is not None
    assert checkout.solver.requests[-1].contexts["packages"] == modules.result.digest


def test_an_accelerator_that_finds_no_machine_is_an_error(checkout: Checkout) -> None:
    checkout.solver.failures = {"packages": MachineError("BuildKit went away")}
    report = checkout.build(API, keep_going=True)
    assert isinstance(only_error(report), MachineError)
    assert report.targets[0].outcome is Outcome.SKIPPED


def test_with_the_accelerator_or_without_the_image_is_the_same(
    checkout: Checkout, memory_store: MemoryStore
) -> None:
    with_it = checkout.build(API).targets[0]
    checkout.solver.failures = failing("packages")
    without = checkout.build(API, force=True).targets[0]
    assert without.image is not None
    assert with_it.image is not None
    assert without.image.digest == with_it.image.digest
    assert result_of(memory_store.layout, without.image.digest) == result_of(
        memory_store.layout, with_it.image.digest
    )


def needing(*packages: str) -> TargetActions:
    """API, with an accelerator that holds these ready."""
    modules, _, image = API.actions
    ready = f"RUN go build {' '.join(packages)}"
    accelerator = action("packages", below=("modules",), accelerator=True, text=ready)
    return target("api", modules, accelerator, image)


def test_code_waits_for_no_accelerator_where_an_earlier_one_serves(checkout: Checkout) -> None:
    earlier = checkout.build(needing("a")).targets[0].layers[1].result
    checkout.edit("cmd/api/main.go", "import b")
    report = checkout.build(needing("a", "b"))
    assert checkout.solver.stages == ["image", "packages"], "what is awaited comes first"
    assert earlier is not None
    assert checkout.solver.requests[0].contexts["packages"] == earlier.digest
    assert [layer.outcome for layer in report.targets[0].layers[1:]] == [Outcome.BUILT] * 2
    assert [step.layer for step in report.critical_path] in (["image"], ["packages"])
    image = report.targets[0].image
    again = checkout.build(needing("a", "b"), force=True)
    assert checkout.solver.stages == ["modules", "packages", "image"], "force takes nothing old"
    assert again.targets[0].image == image


def test_an_accelerator_on_other_layers_serves_no_more(checkout: Checkout) -> None:
    checkout.build(needing("a"))
    checkout.edit("go.mod", "another module")
    checkout.edit("cmd/api/main.go", "import b")
    report = checkout.build(needing("a", "b"))
    assert checkout.solver.stages == ["modules", "packages", "image"]
    packages = report.targets[0].layers[1].result
    assert packages is not None
    assert checkout.solver.requests[-1].contexts["packages"] == packages.digest


def test_a_failed_accelerator_that_nobody_waits_for_is_a_warning(checkout: Checkout) -> None:
    checkout.build(needing("a"))
    checkout.edit("cmd/api/main.go", "import b")
    checkout.solver.failures = failing("packages")
    report = checkout.build(needing("a", "b"))
    assert (report.errors, len(checkout.sink.warnings)) == ((), 1)
    assert report.targets[0].outcome is Outcome.BUILT


def test_force_builds_what_is_fresh_without_any_cache(checkout: Checkout) -> None:
    checkout.build(API)
    assert not any(request.no_cache for request in checkout.solver.requests)
    report = checkout.build(API, force=True)
    assert checkout.solver.stages == ["modules", "packages", "image"]
    assert all(request.no_cache for request in checkout.solver.requests)
    assert report.solves == 3


def test_a_result_that_another_process_stored_meanwhile_is_taken(checkout: Checkout) -> None:
    other = Checkout(checkout.store, checkout.files)

    def other_is_quicker(request: SolveRequest) -> None:
        if request.stage == "modules":
            other.build(target("api", action("late", ("go.mod",))))

    checkout.solver.on_solve = other_is_quicker
    checkout.expected_s = {"modules": 100.0}
    report = checkout.build(
        target("api", action("modules"), action("late", ("go.mod",))),
    )
    assert checkout.solver.stages == ["modules"]
    assert [layer.outcome for layer in report.targets[0].layers] == [Outcome.BUILT, Outcome.FRESH]
    assert report.solves == 1


def test_deleted_blobs_are_made_again_and_nobody_notices(checkout: Checkout) -> None:
    before = checkout.build(API).targets[0]
    for layer in before.layers:
        assert layer.result is not None
        for blob in layer.result.blobs:
            path = blob_path(checkout.store.layout, blob.digest)
            if os.path.exists(path):
                os.unlink(path)
        again = checkout.build(API)
        assert again.errors == ()
        assert again.targets[0].image == before.image


# --- sources that change, signals, faults ---------------------------------------------------------


def test_a_source_that_changes_before_it_is_sealed_is_planned_again_and_never_recorded(
    checkout: Checkout,
) -> None:
    def edit(request: SolveRequest) -> None:
        if request.stage == "packages":
            checkout.edit("cmd/api/main.go", "edited meanwhile")

    checkout.solver.on_solve = edit
    with pytest.raises(InputChanged) as raised:
        checkout.build(API)
    assert str(raised.value) == "cmd/api/main.go: changed during the build"
    assert checkout.solver.stages == ["modules", "packages"]
    assert len(checkout.store.records) == 2
    assert isinstance(checkout.sink.events[-1], BuildFinished)
    assert checkout.build(API).targets[0].outcome is Outcome.BUILT


def test_a_source_that_changes_after_it_is_sealed_is_stale_the_next_time(
    checkout: Checkout,
) -> None:
    checkout.solver.on_solve = lambda _request: checkout.edit("cmd/api/main.go", "edited later")
    built = checkout.build(target("api", action("image", ("cmd/api/main.go",)))).targets[0].image
    checkout.solver.on_solve = lambda _request: None
    again = checkout.build(target("api", action("image", ("cmd/api/main.go",)))).targets[0].image
    assert checkout.solver.stages == ["image"]
    assert built is not None
    assert again is not None
    assert "edited" not in str(result_of(checkout.store.layout, built.digest))
    assert "edited later" in str(result_of(checkout.store.layout, again.digest))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), Interrupted("interrupted")])
def test_an_interrupted_build_cancels_the_solver_and_records_nothing_half_done(
    checkout: Checkout, error: BaseException
) -> None:
    def interrupt(request: SolveRequest) -> None:
        if request.stage == "packages":
            raise error

    checkout.solver.on_solve = interrupt
    with pytest.raises(Interrupted):
        checkout.build(API)
    assert checkout.solver.cancelled.is_set()
    assert len(checkout.store.records) == 1
    checkout.solver = FakeSolver(frozenset({"packages"}))
    checkout.build(API)
    assert checkout.solver.stages == ["packages", "image"]


def test_a_bug_in_a_worker_stops_everything_and_is_told(checkout: Checkout) -> None:
    def break_down(_request: SolveRequest) -> None:
        raise ZeroDivisionError

    checkout.solver.on_solve = break_down
    with pytest.raises(ZeroDivisionError):
        checkout.build(API, keep_going=True)
    assert checkout.solver.cancelled.is_set()


def test_whatever_call_of_the_store_fails_the_next_build_mends_it(
    checkout: Checkout, tmp_path_factory: pytest.TempPathFactory
) -> None:
    clean = checkout.build(API).targets[0].image
    calls = 0
    for fail_at in range(1, 100):
        inner = MemoryStore(str(tmp_path_factory.mktemp("store")))
        spoiling = SpoilingStore(inner, MachineError("can't write: disk full"), fail_at)
        spoiled = Checkout(spoiling, checkout.files)  # type: ignore[arg-type]
        report = spoiled.build(API)
        if spoiling.calls < fail_at:
            calls = fail_at - 1
            break
        assert [str(error) for error in report.errors] == ["can't write: disk full"]
        mended = spoiled.build(API)
        assert mended.errors == ()
        assert mended.targets[0].image == clean
    assert calls >= 12  # four calls an action at least: the loop above has looked at something


def test_a_layer_that_vanished_between_planning_and_running_is_a_bug_that_says_so(
    checkout: Checkout,
) -> None:
    one = checkout.keyed([API])[0]
    performer = checkout.performer()
    with pytest.raises(InternalError, match=r"layer `packages` of `image` isn't there"):
        performer.perform(one.image, BASES, lambda _key: None, RecordingProgress())


def test_building_no_targets_is_a_build_of_nothing(checkout: Checkout) -> None:
    report = checkout.build()
    assert (report.targets, report.solves, report.critical_path) == ((), 0, ())


# --- what is known only while the build runs ------------------------------------------------------


def telling(name: str) -> TargetActions:
    """Code whose inputs the layer below it tells; others of its layers don't wait for that."""
    modules = action("modules", ("go.mod",), bases=("alpine",))
    return target(
        name,
        modules,
        action("runtime", bases=("alpine",), text=f"RUN runtime of {name}"),
        action(
            "image",
            (f"cmd/{name}/main.go",),
            below=("modules", "runtime"),
            pinned=("modules",),
            awaits="modules",
            role=Role.CODE,
        ),
    )


def test_what_a_layer_tells_is_built_in_the_same_build(checkout: Checkout) -> None:
    report = checkout.build(telling("api"), telling("web"), jobs=2)
    assert report.errors == ()
    assert [layer.outcome for layer in report.targets[0].layers] == [Outcome.BUILT] * 3
    assert sorted(checkout.solver.stages) == ["image", "image", "modules", "runtime", "runtime"]
    assert checkout.build(telling("api"), telling("web")).solves == 0


def test_nothing_else_waits_for_what_is_unknown(checkout: Checkout) -> None:
    both_run = threading.Barrier(2, timeout=20)

    def meet(request: SolveRequest) -> None:
        if request.stage in {"modules", "runtime"}:
            both_run.wait()

    checkout.solver.on_solve = meet
    assert checkout.build(telling("api"), jobs=2).errors == ()


def test_what_turns_out_to_be_stored_does_not_run(checkout: Checkout) -> None:
    checkout.build(telling("api"))
    for record in list(checkout.store.records.values()):
        if record.manifest["layer"] == "modules":
            checkout.store.forget(record.key)
    report = checkout.build(telling("api"))
    assert checkout.solver.stages == ["modules"]
    assert report.targets[0].outcome is Outcome.FRESH


def test_what_could_not_be_told_has_no_key_and_is_skipped(checkout: Checkout) -> None:
    checkout.solver.failures = failing("modules")
    report = checkout.build(telling("api"), keep_going=True)
    image = report.targets[0].layers[-1]
    assert (image.key, image.outcome, image.result) == (None, Outcome.SKIPPED, None)
    assert str(only_error(report)) == "modules failed"
    assert report.targets[0].layers[1].outcome is Outcome.BUILT


def test_what_is_told_after_a_failure_that_stops_the_build_is_skipped(checkout: Checkout) -> None:
    failed = threading.Event()

    def order(request: SolveRequest) -> None:
        if request.stage == "modules":
            assert failed.wait(20)

    checkout.solver.on_solve = order
    checkout.sink = Signalling(failed)
    checkout.solver.failures = failing("runtime")
    report = checkout.build(telling("api"), jobs=2)
    image = report.targets[0].layers[-1]
    assert image.outcome is Outcome.SKIPPED
    assert image.key is not None
    assert checkout.sink.outcomes["image of //cmd/api"] is Outcome.SKIPPED


class Signalling(RecordingSink):
    """Sets an event when an action failed."""

    def __init__(self, failed: threading.Event) -> None:
        super().__init__()
        self.failed = failed

    def emit(self, event: Event) -> None:
        super().emit(event)
        if isinstance(event, ActionFinished) and event.outcome is Outcome.FAILED:
            self.failed.set()


def test_an_error_in_what_is_told_ends_the_build(checkout: Checkout) -> None:
    def vanish(request: SolveRequest) -> None:
        if request.stage == "modules":
            del checkout.files["cmd/api/main.go"]

    checkout.solver.on_solve = vanish
    report = checkout.build(telling("api"))
    assert "no such file" in str(only_error(report))
    assert report.targets[0].layers[-1].outcome is Outcome.SKIPPED


def test_with_force_what_is_told_runs_too(checkout: Checkout) -> None:
    checkout.build(telling("api"))
    checkout.build(telling("api"), force=True)
    assert sorted(checkout.solver.stages) == ["image", "modules", "runtime"]
