"""What a build came to."""

from dataclasses import replace

import pytest

from buildsys.events import Outcome
from buildsys.execution.ports import SolveRequest
from tests.builds import Checkout, service, source_files
from tests.fakes import MemoryStore

API = service("api")
WEB = service("web")
TAKES = {"modules": 30.0, "packages": 12.0, "image": 2.0}


@pytest.fixture
def checkout(memory_store: MemoryStore) -> Checkout:
    files = source_files("go.mod", "cmd/api/main.go", "cmd/web/main.go")
    made = Checkout(memory_store, files)

    def take_long(request: SolveRequest) -> None:
        made.clock.advance(TAKES[request.stage])

    made.solver.on_solve = take_long
    return made


def test_durations_are_those_of_the_clock(checkout: Checkout) -> None:
    report = checkout.build(API)
    assert [layer.duration_s for layer in report.targets[0].layers] == [30.0, 12.0, 2.0]
    assert report.duration_s == 44.0
    image = report.targets[0].image
    assert image is not None
    assert image.duration_s == 2.0


def test_the_critical_path_is_the_chain_that_took_longest(checkout: Checkout) -> None:
    report = checkout.build(API, WEB)
    assert [(step.layer, step.duration_s) for step in report.critical_path] == [
        ("modules", 30.0),
        ("packages", 12.0),
        ("image", 2.0),
    ]
    assert report.critical_path[0].labels == (API.label, WEB.label)


def test_the_critical_path_has_only_what_ran(checkout: Checkout) -> None:
    checkout.build(API, WEB)
    checkout.edit("cmd/web/main.go", "new")
    report = checkout.build(API, WEB)
    assert [(step.layer, step.labels) for step in report.critical_path] == [("image", (WEB.label,))]


def test_a_fresh_layer_saves_what_it_took_to_make(checkout: Checkout) -> None:
    checkout.build(API)
    checkout.edit("cmd/api/main.go", "new")
    report = checkout.build(API)
    assert [layer.saved_s for layer in report.targets[0].layers] == [30.0, 12.0, 0.0]


def test_an_accelerator_that_nothing_asked_for_was_skipped(checkout: Checkout) -> None:
    accelerator = checkout.build(API).targets[0].layers[1]
    assert accelerator.key is not None
    del checkout.store.records[accelerator.key]
    report = checkout.build(API)
    outcomes = [layer.outcome for layer in report.targets[0].layers]
    assert outcomes == [Outcome.FRESH, Outcome.SKIPPED, Outcome.FRESH]
    assert report.targets[0].outcome is Outcome.FRESH


@pytest.mark.parametrize(("spare", "over"), [(0, False), (-1, True)])
def test_a_budget_is_exceeded_by_the_first_byte_beyond_it(
    checkout: Checkout, spare: int, *, over: bool
) -> None:
    image = checkout.build(API).targets[0].image
    assert image is not None
    budgeted = replace(API, max_size=image.unpacked_bytes + spare)
    assert checkout.build(budgeted).targets[0].over_budget is over
