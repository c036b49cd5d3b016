"""Bases: the pin, else the bootstrapped one; and how a missing one is provided."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import BinaryIO

import pytest

from buildsys.errors import MachineError
from buildsys.execution.bases import (
    BaseProvider,
    KnownBase,
    bootstrap_manifest,
    known_bases,
    most_urgent_first,
)
from buildsys.keys.manifest import key_of
from buildsys.model.action import Action, Role, TargetActions
from buildsys.model.label import Label
from buildsys.model.target import Base, Bootstrap
from tests.builds import PLATFORM
from tests.fakes import FakeClock, MemoryStore, image_layer, tar_contents, tar_of

BOOTSTRAP = Bootstrap(packages=("busybox-static",))
ALPINE = Base("alpine", "docker.io/library/alpine:3.22", BOOTSTRAP)
BARE = Base("bare", "registry.example/bare:1")
PIN = "docker.io/library/alpine:3.22@sha256:" + "a" * 64


@dataclass
class FakeBootstrapper:
    """The port `Bootstrapper`: a root with one file, named by the packages."""

    made: int = 0
    environment: tuple[str, ...] = ("PATH=/bin",)

    @contextmanager
    def root(self, bootstrap: Bootstrap) -> Iterator[Callable[[BinaryIO], None]]:
        self.made += 1
        content = tar_of({"packages": " ".join(bootstrap.packages).encode()})

        def pack(into: BinaryIO) -> None:
            into.write(content)

        yield pack


def no_registry(image: str) -> str:
    raise MachineError(f"no registry answers for `{image}`")


def provider(
    store: MemoryStore,
    bootstrapper: FakeBootstrapper,
    resolve: Callable[[str], str] = no_registry,
) -> BaseProvider:
    return BaseProvider(store, store, bootstrapper, resolve, FakeClock(), PLATFORM, {})


def known(store: MemoryStore, base: Base, pins: Mapping[str, str]) -> KnownBase:
    return known_bases([base], pins, store, PLATFORM)[base.name]


def test_a_pinned_base_is_its_pin(memory_store: MemoryStore) -> None:
    assert known(memory_store, ALPINE, {"alpine": PIN}) == KnownBase(ALPINE, PIN, "registry")


def test_a_pin_counts_only_for_the_image_it_was_made_for(memory_store: MemoryStore) -> None:
    moved = replace(ALPINE, image="docker.io/library/alpine:3.23")
    assert known(memory_store, moved, {"alpine": PIN}).origin == "missing"


def test_a_pin_counts_for_the_short_name_of_its_image(memory_store: MemoryStore) -> None:
    short = replace(ALPINE, image="library/alpine:3.22")
    assert known(memory_store, short, {"alpine": PIN}).reference == PIN


def test_a_base_that_is_neither_pinned_nor_made_is_missing(memory_store: MemoryStore) -> None:
    assert known(memory_store, ALPINE, {}) == KnownBase(ALPINE, None, "missing")
    assert known(memory_store, BARE, {}) == KnownBase(BARE, None, "missing")


def test_a_bootstrapped_base_is_known_by_its_digest(memory_store: MemoryStore) -> None:
    digest = provider(memory_store, FakeBootstrapper()).bootstrap(BOOTSTRAP)
    assert known(memory_store, ALPINE, {}) == KnownBase(ALPINE, digest, "bootstrap")


def test_the_pin_goes_before_the_bootstrapped_one(memory_store: MemoryStore) -> None:
    provider(memory_store, FakeBootstrapper()).bootstrap(BOOTSTRAP)
    assert known(memory_store, ALPINE, {"alpine": PIN}).reference == PIN


def test_a_registry_that_answers_provides_the_base(memory_store: MemoryStore) -> None:
    bootstrapper = FakeBootstrapper()
    provided = provider(memory_store, bootstrapper, lambda _image: PIN).provide(ALPINE)
    assert provided == KnownBase(ALPINE, PIN, "registry")
    assert bootstrapper.made == 0


def test_without_a_registry_a_base_is_bootstrapped_once(memory_store: MemoryStore) -> None:
    bootstrapper = FakeBootstrapper()
    provided = provider(memory_store, bootstrapper).provide(ALPINE)
    assert provider(memory_store, bootstrapper).provide(ALPINE) == provided
    assert (provided.origin, bootstrapper.made) == ("bootstrap", 1)
    assert provided.reference is not None
    layer = image_layer(memory_store.layout, provided.reference)
    assert tar_contents(layer) == {"packages": "file b'busybox-static'"}


def test_force_bootstraps_what_is_there(memory_store: MemoryStore) -> None:
    bootstrapper = FakeBootstrapper()
    first = provider(memory_store, bootstrapper).bootstrap(BOOTSTRAP)
    assert provider(memory_store, bootstrapper).bootstrap(BOOTSTRAP, force=True) == first
    assert bootstrapper.made == 2


def test_without_registry_and_bootstrap_the_error_says_both(memory_store: MemoryStore) -> None:
    with pytest.raises(MachineError) as raised:
        provider(memory_store, FakeBootstrapper()).provide(BARE)
    assert raised.value.message == (
        "base `bare`: no registry answers for `registry.example/bare:1`, and it names no bootstrap"
    )
    assert raised.value.hint == "give it a `bootstrap` in the root BUILD.yaml"


@pytest.mark.parametrize(
    "other",
    [
        replace(BOOTSTRAP, packages=("busybox-static", "tini")),
        replace(BOOTSTRAP, suite="bookworm"),
        replace(BOOTSTRAP, variant="extract"),
        replace(BOOTSTRAP, trim=("/usr/share/doc/*",)),
        replace(BOOTSTRAP, links=(("/usr/bin/python3", "python3.13"),)),
        replace(BOOTSTRAP, busybox=True),
    ],
)
def test_whatever_makes_another_base_has_another_key(other: Bootstrap) -> None:
    key = key_of(bootstrap_manifest(BOOTSTRAP, PLATFORM))
    assert key_of(bootstrap_manifest(other, PLATFORM)) != key
    assert key_of(bootstrap_manifest(BOOTSTRAP, "linux/arm64")) != key


def test_each_field_of_a_bootstrap_is_in_its_manifest() -> None:
    manifest = bootstrap_manifest(BOOTSTRAP, PLATFORM)
    assert {field.name for field in fields(Bootstrap)} <= manifest.keys()


def action(layer: str, *bases: str) -> Action:
    return Action(layer, Role.DEPENDENCY, "rule", 1, (), PLATFORM, bases=bases)


def test_the_base_of_what_takes_longest_is_provided_first() -> None:
    targets = [
        TargetActions(Label("go", "go"), "go", (action("modules", "golang"), action("packages"))),
        TargetActions(
            Label("rs", "rs"), "rust", (action("chef", "rust", "there"), action("image", "alpine"))
        ),
        TargetActions(Label("py", "py"), "python", (action("requirements", "alpine", "python"),)),
    ]
    expected_s = {"modules": 10.0, "packages": 80.0, "chef": 100.0, "requirements": 5.0}
    order = most_urgent_first(["alpine", "golang", "python", "rust"], targets, expected_s)
    assert order == ["alpine", "rust", "golang", "python"]
