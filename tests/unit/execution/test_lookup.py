"""What is stored, and what that makes of each layer."""

import os
from dataclasses import replace

import pytest

from buildsys.execution.lookup import LayerState, LayerStatus, TargetStatus, look_up
from buildsys.model.action import Role
from buildsys.model.label import Label
from tests.builds import Checkout, action, service, source_files, target
from tests.fakes import File, MemoryStore, blob_path

API = service("api")


@pytest.fixture
def checkout(memory_store: MemoryStore) -> Checkout:
    return Checkout(memory_store, source_files("go.mod", "cmd/api/main.go"))


def states(status: TargetStatus) -> dict[str, str]:
    return {layer.name: str(layer.state) for layer in status.layers}


def reasons(status: TargetStatus) -> dict[str, list[str]]:
    return {layer.name: [str(reason) for reason in layer.reasons] for layer in status.layers}


def test_what_was_never_built_is_missing(checkout: Checkout) -> None:
    (status,) = checkout.status(API)
    assert status.state is LayerState.MISSING
    assert set(states(status).values()) == {"missing"}
    assert set(map(tuple, reasons(status).values())) == {("never built",)}


def test_what_was_built_is_fresh_and_has_its_result(checkout: Checkout) -> None:
    report = checkout.build(API)
    (status,) = checkout.status(API)
    assert status.state is LayerState.FRESH
    assert status.layers[-1].result == report.targets[0].image
    assert not any(reasons(status).values())


def test_changed_code_is_stale_for_the_file_that_changed(checkout: Checkout) -> None:
    checkout.build(API)
    checkout.edit("cmd/api/main.go", "new")
    (status,) = checkout.status(API)
    assert states(status) == {"modules": "fresh", "packages": "fresh", "image": "stale"}
    assert reasons(status)["image"] == ["file changed: cmd/api/main.go"]
    assert status.state is LayerState.STALE


def test_a_changed_mode_is_stale_for_it(checkout: Checkout) -> None:
    checkout.build(API)
    main = checkout.files["cmd/api/main.go"]
    checkout.files["cmd/api/main.go"] = File(main.content, executable=True)
    (status,) = checkout.status(API)
    assert reasons(status)["image"] == ["mode changed: cmd/api/main.go"]


def test_a_changed_manifest_makes_all_stale_each_for_its_reason(checkout: Checkout) -> None:
    checkout.build(API)
    checkout.edit("go.mod", "new")
    (status,) = checkout.status(API)
    assert reasons(status) == {
        "modules": ["manifest changed: go.mod"],
        "packages": ["dependency layer changed: modules"],
        "image": ["dependency layer changed: packages"],
    }


def test_a_changed_base_is_named(checkout: Checkout) -> None:
    checkout.build(API)
    checkout.bases["alpine"] = checkout.bases["alpine"].replace("a" * 64, "b" * 64)
    (status,) = checkout.status(API)
    assert reasons(status)["modules"] == ["base changed: alpine"]


def test_a_missing_base_makes_all_missing_without_keys(checkout: Checkout) -> None:
    checkout.bases.clear()
    (status,) = checkout.status(API)
    assert status.state is LayerState.MISSING
    assert [layer.key for layer in status.layers] == [None] * 3
    assert reasons(status)["image"] == ["base missing: alpine"]


def test_a_layer_whose_inputs_are_not_known_has_no_key_and_says_so(checkout: Checkout) -> None:
    told = target("api", API.actions[0], action("image", below=("modules",), awaits="modules"))
    image = checkout.status(told)[0].layers[-1]
    assert (image.key, image.result, image.state) == (None, None, LayerState.MISSING)
    assert list(map(str, image.reasons)) == ["inputs unknown: what modules tells"]
    checkout.build(told)
    assert checkout.status(told)[0].state is LayerState.FRESH
    checkout.edit("go.mod", "new")
    image = checkout.status(told)[0].layers[-1]
    assert (image.key, image.state) == (None, LayerState.STALE)


def test_what_is_made_on_demand_makes_no_target_stale(checkout: Checkout) -> None:
    modules, packages, code = API.actions
    pinned = target("api", modules, packages, replace(code, pinned=("packages",)))
    checkout.build(pinned)
    checkout.edit("go.mod", "new")
    (status,) = checkout.status(pinned)
    assert states(status) == {"modules": "stale", "packages": "stale", "image": "fresh"}
    assert status.state is LayerState.FRESH
    assert checkout.build(pinned).solves == 0


def test_an_edit_taken_back_is_fresh_again(checkout: Checkout) -> None:
    checkout.build(API)
    before = checkout.files["cmd/api/main.go"]
    checkout.edit("cmd/api/main.go", "new")
    checkout.build(API)
    checkout.files["cmd/api/main.go"] = before
    (status,) = checkout.status(API)
    assert status.state is LayerState.FRESH


def test_a_layer_without_its_blobs_was_evicted(checkout: Checkout) -> None:
    image = checkout.build(API).targets[0].image
    assert image is not None
    os.unlink(blob_path(checkout.store.layout, image.blobs[-1].digest))
    (status,) = checkout.status(API)
    assert states(status)["image"] == "missing"
    assert reasons(status)["image"] == ["evicted"]
    lookup = look_up(checkout.keyed([API]), checkout.store)
    assert lookup.evicted == {status.layers[-1].key}


def _status(*states_: tuple[LayerState, bool]) -> LayerState:
    layers = tuple(
        LayerStatus(f"l{n}", Role.CODE, state, None, None, on_demand=accelerator)
        for n, (state, accelerator) in enumerate(states_)
    )
    return TargetStatus(Label("a", "a"), "rule", layers).state


def test_the_state_of_a_target_is_that_of_its_image_then_of_what_is_below() -> None:
    fresh, stale, missing, remote = (
        LayerState.FRESH,
        LayerState.STALE,
        LayerState.MISSING,
        LayerState.REMOTE,
    )
    assert _status((fresh, False), (fresh, False)) is fresh
    assert _status((missing, False), (stale, False)) is stale
    assert _status((stale, False), (missing, False)) is missing
    assert _status((missing, False), (fresh, False)) is missing
    assert _status((fresh, False), (remote, False)) is remote
    assert _status((missing, True), (fresh, False)) is fresh
