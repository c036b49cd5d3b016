"""Machines that share what they build: whatever is edited, damaged or lost, each has a clean build's image."""

import tempfile
from contextlib import suppress
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from buildsys.errors import ResultLost
from buildsys.execution.report import BuildReport
from buildsys.model.action import ActionResult
from tests.builds import Checkout, service, source_files
from tests.fake_shared import FakeShared, Team
from tests.fakes import MemoryStore

PATHS = ("go.mod", "cmd/api/main.go", "cmd/web/main.go")
TARGETS = (service("api"), service("web"))
MACHINES = 3


@dataclass(frozen=True)
class Edit:
    path: str
    content: str


@dataclass(frozen=True)
class Build:
    machine: int
    images: bool


@dataclass(frozen=True)
class Damage:
    """To one of the blobs that are shared by then."""

    which: int
    gone: bool


@dataclass(frozen=True)
class Outage:
    """The registry is away, or back again."""

    away: bool


STEPS = st.lists(
    st.one_of(
        st.builds(Edit, st.sampled_from(PATHS), st.sampled_from("abc")),
        st.builds(Build, st.integers(0, MACHINES - 1), st.booleans()),
        st.builds(Damage, st.integers(0, 99), st.booleans()),
        st.builds(Outage, st.booleans()),
    ),
    max_size=14,
)


def harm(team: Team, damage: Damage) -> None:
    if team.blobs:
        digest = sorted(team.blobs)[damage.which % len(team.blobs)]
        if damage.gone:
            del team.blobs[digest]
        else:
            team.blobs[digest] = b"damaged"


def built(checkout: Checkout, *, images: bool) -> BuildReport:
    """Planned anew as long as something is lost, as a request does."""
    for _ in range(20):
        with suppress(ResultLost):
            return checkout.build(*TARGETS, jobs=2, images=images)
    raise AssertionError("it is planned again and again")


def images_of(report: BuildReport) -> list[ActionResult | None]:
    assert report.errors == ()
    return [target.image for target in report.targets]


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_every_build_comes_to_what_a_clean_one_does(steps: list[object]) -> None:
    team = Team()
    sources = source_files(*PATHS)
    with tempfile.TemporaryDirectory() as folder:
        stores = [MemoryStore(f"{folder}/{number}") for number in range(MACHINES)]
        for count, step in enumerate(steps):
            if isinstance(step, Edit):
                edited = Checkout(stores[0], sources)
                edited.edit(step.path, step.content)
            elif isinstance(step, Damage):
                harm(team, step)
            elif isinstance(step, Outage):
                team.reachable = not step.away
            elif isinstance(step, Build):
                store = stores[step.machine]
                # Each build is a process of its own, which knows nothing of earlier trouble.
                shared = FakeShared(team, store.layout)
                report = built(Checkout(store, sources, shared=shared), images=step.images)
                clean = Checkout(MemoryStore(f"{folder}/clean{count}"), sources)
                expected = images_of(clean.build(*TARGETS))
                assert images_of(report) == expected
                for image in expected:
                    assert image is not None
                    assert not step.images or all(store.has(blob) for blob in image.blobs)
