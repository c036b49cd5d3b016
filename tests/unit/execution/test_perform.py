"""One action: what the solver gets, what is recorded."""

import pytest

from buildsys.errors import BuildFailed, InputChanged
from buildsys.events import Outcome
from buildsys.model.action import ActionResult, KeyedAction
from tests.builds import BASES, Checkout, action, service, source_files, target
from tests.fakes import (
    File,
    MemoryStore,
    RecordingProgress,
    image_layer,
    result_of,
    tar_contents,
)

FILES = {
    "run.sh": File(b"#!/bin/sh", executable=True),
    "main.go": File(b"package main"),
    "link": File(link="main.go"),
    "lib.rs": File(b"never read"),
}
ONE = target(
    "api", action("image", ("run.sh", "main.go", "link"), names_only=("lib.rs",), bases=("alpine",))
)


@pytest.fixture
def checkout(memory_store: MemoryStore) -> Checkout:
    return Checkout(memory_store, dict(FILES))


def keyed_image(checkout: Checkout) -> KeyedAction:
    return checkout.keyed([ONE])[0].image


def perform(
    checkout: Checkout, keyed: KeyedAction, *, force: bool = False
) -> tuple[ActionResult, Outcome]:
    return checkout.performer().perform(
        keyed, BASES, lambda _key: None, RecordingProgress(), force=force
    )


def test_the_solver_gets_the_text_that_was_hashed_and_every_context_by_digest(
    checkout: Checkout,
) -> None:
    keyed = keyed_image(checkout)
    perform(checkout, keyed)
    (request,) = checkout.solver.requests
    assert request.dockerfile == keyed.manifest["dockerfile"]
    assert (request.stage, request.platform) == ("image", "linux/amd64")
    assert set(request.contexts) == {"alpine", "image-inputs"}
    assert request.contexts["alpine"] == BASES["alpine"]
    assert not request.no_cache


def test_sealed_inputs_are_exactly_what_was_declared(checkout: Checkout) -> None:
    perform(checkout, keyed_image(checkout))
    (request,) = checkout.solver.requests
    layer = image_layer(checkout.store.layout, request.contexts["image-inputs"])
    assert tar_contents(layer) == {
        "run.sh": "program b'#!/bin/sh'",
        "main.go": "file b'package main'",
        "link": "link to main.go",
        "lib.rs": "file b''",
    }


def test_a_derived_file_reaches_the_solver_by_its_text_alone(checkout: Checkout) -> None:
    one = target("api", action("image", ("main.go",), derived={"go.mod": "module x"}))
    (keyed,) = checkout.keyed([one])
    perform(checkout, keyed.image)
    (request,) = checkout.solver.requests
    layer = image_layer(checkout.store.layout, request.contexts["image-inputs"])
    assert tar_contents(layer) == {"go.mod": "file b'module x'", "main.go": "file b'package main'"}


def test_the_record_says_what_went_in_what_came_out_and_who_made_it(checkout: Checkout) -> None:
    keyed = keyed_image(checkout)
    result, outcome = perform(checkout, keyed)
    record = checkout.store.records[keyed.key]
    assert outcome is Outcome.BUILT
    assert (record.manifest, record.result) == (keyed.manifest, result)
    assert record.made_by == {"host": "here"}
    assert str(result.blobs[0].digest) == str(result.digest)
    assert result.unpacked_bytes > 0


def test_a_stored_result_is_taken_without_a_solve(checkout: Checkout) -> None:
    keyed = keyed_image(checkout)
    first, _ = perform(checkout, keyed)
    assert perform(checkout, keyed) == (first, Outcome.FRESH)
    assert len(checkout.solver.requests) == 1


def test_force_solves_whatever_is_stored(checkout: Checkout) -> None:
    keyed = keyed_image(checkout)
    perform(checkout, keyed)
    assert perform(checkout, keyed, force=True)[1] is Outcome.BUILT
    assert checkout.solver.requests[-1].no_cache


def test_an_input_that_changed_is_refused_before_anything_is_solved(checkout: Checkout) -> None:
    keyed = keyed_image(checkout)
    checkout.files["run.sh"] = File(b"#!/bin/sh")
    with pytest.raises(InputChanged, match=r"run\.sh"):
        perform(checkout, keyed)
    assert checkout.solver.requests == []
    assert checkout.store.records == {}


def test_a_failure_records_nothing(checkout: Checkout) -> None:
    checkout.solver.failures = {"image": BuildFailed("no")}
    with pytest.raises(BuildFailed):
        perform(checkout, keyed_image(checkout))
    assert checkout.store.records == {}


def test_the_same_bytes_at_another_checkout_make_the_same_image(
    checkout: Checkout, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = Checkout(MemoryStore(str(tmp_path_factory.mktemp("other"))), dict(FILES))
    assert perform(checkout, keyed_image(checkout))[0] == perform(other, keyed_image(other))[0]


def test_the_double_sees_contents_and_not_keys(memory_store: MemoryStore) -> None:
    """A guard on the double itself: what it makes has nothing of a key in it."""
    checkout = Checkout(memory_store, source_files("go.mod", "cmd/api/main.go"))
    report = checkout.build(service("api"))
    for layer in report.targets[0].layers:
        assert layer.result is not None
        made = str(result_of(memory_store.layout, layer.result.digest))
        assert not any(str(other.key)[:16] in made for other in report.targets[0].layers)
