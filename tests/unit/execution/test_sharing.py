"""Builds with a shared cache: what is asked, what is fetched, and what becomes of trouble."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pytest

from buildsys.errors import BuildFailed, ResultLost
from buildsys.events import Outcome
from buildsys.execution.lookup import LayerState
from buildsys.execution.ports import ActionRecord, SharedResult
from buildsys.execution.report import BuildReport
from buildsys.model.action import ActionResult, TargetActions
from buildsys.model.digest import ActionKey, ImageDigest, digest_of, hex_of
from tests.builds import BASE, Checkout, action, only_error, service, source_files, target
from tests.fake_shared import FakeShared, Team
from tests.fakes import MemoryStore, tar_of

API, WEB = service("api"), service("web")
FILES = ("go.mod", "cmd/api/main.go", "cmd/web/main.go")


@pytest.fixture
def team() -> Team:
    return Team()


class Machines:
    """Checkouts of the same sources, each on a machine of its own."""

    def __init__(self, folder: Path, team: Team) -> None:
        self.folder = folder
        self.team = team
        self.count = 0

    def __call__(self, *, writes: bool = True) -> Checkout:
        self.count += 1
        store = MemoryStore(str(self.folder / str(self.count)))
        shared = FakeShared(self.team, store.layout, writes)
        return Checkout(store, source_files(*FILES), shared=shared)


@pytest.fixture
def machines(tmp_path: Path, team: Team) -> Machines:
    return Machines(tmp_path, team)


def packing(path: str) -> Callable[[BinaryIO], None]:
    def pack(into: BinaryIO) -> None:
        into.write(tar_of({path: b"1"}))

    return pack


def again_until_planned(checkout: Checkout, one: TargetActions) -> BuildReport:
    """As a request does: the double's accelerators have the very blobs of what they accelerate."""
    with suppress(ResultLost):
        return checkout.build(one)
    return checkout.build(one)


def outcomes(report: BuildReport, which: int = 0) -> dict[str, Outcome]:
    return {layer.name: layer.outcome for layer in report.targets[which].layers}


def test_what_another_machine_built_is_remote_and_a_build_fetches_none_of_it(
    machines: Machines, team: Team
) -> None:
    built = machines().build(API)
    other = machines()
    (status,) = other.status(API)
    assert status.state is LayerState.REMOTE
    assert {layer.state for layer in status.layers} == {LayerState.REMOTE}
    assert all(layer.reasons == () for layer in status.layers)
    report = other.build(API)
    assert set(outcomes(report).values()) == {Outcome.FRESH}
    assert report.solves == 0
    assert report.targets[0].image == built.targets[0].image
    assert team.fetched == []
    assert other.solver.requests == []
    assert other.store.records == {}


def test_a_change_of_code_fetches_what_it_stands_on_and_nothing_else(
    machines: Machines, team: Team
) -> None:
    first = machines()
    first.build(API)
    other = machines()
    other.edit("cmd/api/main.go", "new")
    report = other.build(API)
    assert outcomes(report) == {
        "modules": Outcome.FRESH, "packages": Outcome.PULLED, "image": Outcome.BUILT,
    }  # fmt: skip
    assert report.solves == 1
    packages = report.targets[0].layers[1].result
    assert packages is not None
    assert set(team.fetched) <= {blob.digest for blob in packages.blobs}
    # The very image that this machine would have built from nothing.
    alone = Checkout(MemoryStore(str(machines.folder / "alone")), dict(other.files))
    assert alone.build(API).targets[0].image == report.targets[0].image
    assert outcomes(other.build(API))["packages"] is Outcome.FRESH


def test_what_is_stored_here_is_asked_of_nobody(machines: Machines, team: Team) -> None:
    machine = machines()
    machine.build(API, WEB)
    team.asked.clear()
    machine.build(API, WEB)
    machine.status(API, WEB)
    assert team.asked == []


def test_all_keys_are_asked_for_at_once(machines: Machines, team: Team) -> None:
    machine = machines()
    machine.status(API, WEB)
    assert len(team.asked) == len(set(team.asked)) == 4


def test_five_targets_fetch_a_layer_that_they_share_once(machines: Machines, team: Team) -> None:
    machines().build(API, WEB)
    other = machines()
    other.edit("cmd/api/main.go", "new")
    other.edit("cmd/web/main.go", "new")
    other.build(API, WEB, jobs=4)
    assert len(team.fetched) == len(set(team.fetched))


def test_images_are_fetched_where_their_bytes_are_wanted(machines: Machines, team: Team) -> None:
    built = machines().build(API)
    other = machines()
    report = other.build(API, images=True)
    assert outcomes(report)["image"] is Outcome.PULLED
    image = built.targets[0].image
    assert image is not None
    assert set(team.fetched) == {blob.digest for blob in image.blobs}
    assert all(other.store.has(blob) for blob in image.blobs)
    assert report.targets[0].layers[-1].saved_s == image.duration_s


@pytest.mark.parametrize("layer", ["modules", "packages"])
def test_a_layer_that_is_lost_is_planned_again_and_made(
    machines: Machines, team: Team, layer: str
) -> None:
    accelerated = service("api", accelerated=layer == "packages")
    built = machines().build(accelerated)
    lost = next(one.result for one in built.targets[0].layers if one.name == layer)
    assert lost is not None
    team.blobs[lost.blobs[2].digest] = b"damaged"
    other = machines()
    other.edit("cmd/api/main.go", "new")
    with pytest.raises(ResultLost):
        other.build(accelerated)
    report = again_until_planned(other, accelerated)
    assert outcomes(report)[layer] is Outcome.BUILT
    assert outcomes(report)["image"] is Outcome.BUILT
    # Who made it anew shared it: the next one fetches it.
    third = machines()
    third.edit("cmd/api/main.go", "newer")
    assert outcomes(third.build(accelerated))[layer] is Outcome.PULLED


def test_with_the_registry_gone_only_what_is_needed_is_made_here(
    machines: Machines,
) -> None:
    machines().build(API, WEB)
    other = machines()
    other.edit("cmd/api/main.go", "new")
    assert isinstance(other.shared, FakeShared)
    other.shared.breaks_after_finding = True
    with pytest.raises(ResultLost):
        other.build(API, WEB)
    report = other.build(API, WEB)
    assert outcomes(report, 0) == {
        "modules": Outcome.BUILT, "packages": Outcome.BUILT, "image": Outcome.BUILT,
    }  # fmt: skip
    assert outcomes(report, 1)["image"] is Outcome.FRESH


def test_who_is_slower_takes_over_the_result_of_who_was_quicker(
    machines: Machines, team: Team
) -> None:
    one = target("api", action("image", ("go.mod",)))
    slow, quick = machines(), machines()
    assert isinstance(slow.shared, FakeShared)

    def overtake(record: ActionRecord) -> None:
        blobs = quick.store.sealed(packing("theirs"))
        result = replace(record.result, digest=ImageDigest(blobs[0].digest), blobs=blobs)
        assert isinstance(quick.shared, FakeShared)
        quick.shared.publish(ActionRecord(record.key, record.manifest, result, {"host": "b"}))

    slow.shared.before_publishing = overtake
    report = slow.build(one)
    (theirs,) = team.results.values()
    assert outcomes(report)["image"] is Outcome.BUILT
    assert report.targets[0].image == theirs.result
    assert slow.store.get(theirs.key) == theirs.result
    assert slow.store.records[theirs.key].made_by == {"host": "b"}
    assert slow.build(one).targets[0].image == theirs.result


def test_who_is_slower_keeps_its_own_if_the_others_is_damaged(
    machines: Machines, team: Team
) -> None:
    one = target("api", action("image", ("go.mod",)))
    slow = machines()
    assert isinstance(slow.shared, FakeShared)

    def overtake(record: ActionRecord) -> None:
        digest = digest_of(b"nowhere")
        blobs = tuple(replace(blob, digest=digest) for blob in record.result.blobs)
        result = replace(record.result, digest=ImageDigest(digest), blobs=blobs)
        team.results[record.key] = SharedResult(record.key, result, {})

    slow.shared.before_publishing = overtake
    report = slow.build(one)
    image = report.targets[0].image
    assert image is not None
    assert all(slow.store.has(blob) for blob in image.blobs)
    assert slow.build(one).solves == 0


def test_failures_are_not_shared(machines: Machines, team: Team) -> None:
    machine = machines()
    machine.solver.failures = {"image": BuildFailed("no")}
    report = machine.build(target("api", action("image", ("go.mod",))))
    assert only_error(report).exit_code == 1
    assert team.results == {}


def test_who_may_not_write_shares_nothing(machines: Machines, team: Team) -> None:
    machines(writes=False).build(API)
    assert team.results == {}


def test_force_builds_whatever_is_shared(machines: Machines, team: Team) -> None:
    machines().build(API)
    assert machines().build(API, force=True).solves == 3
    assert team.fetched == []


def test_a_base_that_is_elsewhere_is_fetched_for_the_first_action_on_it(
    machines: Machines, team: Team
) -> None:
    first = machines()
    blobs = first.store.sealed(packing("base"))
    found = SharedResult(
        ActionKey("b" * 64), ActionResult(ImageDigest(blobs[0].digest), blobs, 1), {}
    )
    assert first.shared is not None
    first.shared.publish(ActionRecord(found.key, {}, found.result, {}))
    other = machines()
    other.bases = {BASE: found.result.digest}
    other.shared_bases = {found.result.digest: (found, {})}
    other.build(API, jobs=2)
    assert team.fetched == [blob.digest for blob in blobs]
    assert other.store.get(found.key) == found.result


def test_an_evicted_layer_that_is_shared_is_remote(machines: Machines, team: Team) -> None:
    machine = machines()
    report = machine.build(API)
    image = report.targets[0].image
    assert image is not None
    Path(machine.store.layout, "blobs", "sha256", hex_of(image.digest)).unlink()
    (status,) = machine.status(API)
    assert status.layers[-1].state is LayerState.REMOTE
    assert machine.build(API).solves == 0
    assert team.fetched == []
