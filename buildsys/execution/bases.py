"""Bases: by the pin in bases.lock, else bootstrapped on this machine.

A base's digest enters the keys of all that is built on it, so bases are there before anything is planned.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from buildsys.errors import MachineError
from buildsys.execution.ports import ActionCache, ActionRecord, BlobStore, Clock
from buildsys.keys.manifest import key_of
from buildsys.model.action import ActionResult, Manifest, TargetActions
from buildsys.model.digest import ActionKey, ImageDigest
from buildsys.model.target import Base, Bootstrap

BOOTSTRAP_VERSION = {"minbase": 1, "extract": 2}
"""By variant; raised whenever the same packages would be made into another base."""


class Bootstrapper(Protocol):
    """Makes root file systems of packages."""

    def root(self, bootstrap: Bootstrap) -> AbstractContextManager[Callable[[BinaryIO], None]]:
        """The body gets a function that writes the finished tar.

        Raises:
            MachineError: it can't be made here.
        """

    @property
    def environment(self) -> tuple[str, ...]:
        """`NAME=value` of the image's configuration."""


@dataclass(frozen=True, slots=True)
class KnownBase:
    """A base as it is known here: `reference` is None where it is neither pinned nor bootstrapped."""

    base: Base
    reference: str | None
    origin: str
    """`registry`, `bootstrap` or `missing`."""


def bootstrap_manifest(bootstrap: Bootstrap, platform: str) -> Manifest:
    return {
        "schema": 1,
        "rule": f"bootstrap/{BOOTSTRAP_VERSION[bootstrap.variant]}",
        "platform": platform,
        "packages": sorted(bootstrap.packages),
        "suite": bootstrap.suite,
        "variant": bootstrap.variant,
        "trim": sorted(bootstrap.trim),
        "links": [list(link) for link in sorted(bootstrap.links)],
        "busybox": bootstrap.busybox,
    }


def bootstrap_key(bootstrap: Bootstrap, platform: str) -> ActionKey:
    """Under which a bootstrapped base is stored."""
    return key_of(bootstrap_manifest(bootstrap, platform))


def known_bases(
    bases: Iterable[Base], pins: Mapping[str, str], cache: ActionCache, platform: str
) -> dict[str, KnownBase]:
    """Every base with what is known of it, without asking anybody."""
    return {base.name: _known(base, pins.get(base.name), cache, platform) for base in bases}


def _known(base: Base, pin: str | None, cache: ActionCache, platform: str) -> KnownBase:
    if pin is not None and _is_pin_of(pin, base.image):
        return KnownBase(base, pin, "registry")
    if base.bootstrap is not None:
        result = cache.get(bootstrap_key(base.bootstrap, platform))
        if result is not None:
            return KnownBase(base, result.digest, "bootstrap")
    return KnownBase(base, None, "missing")


def most_urgent_first(
    names: Iterable[str], targets: Iterable[TargetActions], expected_s: Mapping[str, float]
) -> list[str]:
    """The bases in the order to provide them: first that of the target which takes longest to build."""
    waiting = dict.fromkeys(names, 0.0)
    for target in targets:
        cost = sum(expected_s.get(action.layer, 0.0) for action in target.actions)
        for name in {name for action in target.actions for name in action.bases}:
            if name in waiting:
                waiting[name] = max(waiting[name], cost)
    return sorted(waiting, key=lambda name: (-waiting[name], name))


def _is_pin_of(pin: str, image: str) -> bool:
    named = pin.partition("@")[0]
    return named == image.partition("@")[0] or named.endswith("/" + image.partition("@")[0])


@dataclass(frozen=True, slots=True)
class BaseProvider:
    """Provides bases that are missing; `resolve` asks a registry."""

    cache: ActionCache
    blobs: BlobStore
    bootstrapper: Bootstrapper
    resolve: Callable[[str], str]
    clock: Clock
    platform: str
    made_by: Mapping[str, str]
    give: Callable[[ActionRecord], None] | None = None
    """Shares what was made here, if it is to be shared."""

    def provide(self, base: Base) -> KnownBase:
        """From the registry if it answers, else by bootstrap.

        Raises:
            MachineError: neither can be had.
        """
        try:
            return KnownBase(base, self.resolve(base.image), "registry")
        except MachineError as error:
            if base.bootstrap is None:
                raise MachineError(
                    f"base `{base.name}`: {error.message}, and it names no bootstrap",
                    hint="give it a `bootstrap` in the root BUILD.yaml",
                ) from None
        return KnownBase(base, self.bootstrap(base.bootstrap), "bootstrap")

    def bootstrap(self, bootstrap: Bootstrap, *, force: bool = False) -> ImageDigest:
        """The digest of the bootstrapped base; made now unless it is stored.

        Raises:
            MachineError: it can't be made here.
        """
        manifest = bootstrap_manifest(bootstrap, self.platform)
        key = key_of(manifest)
        with self.cache.lock(key):
            stored = None if force else self.cache.get(key)
            return stored.digest if stored else self._make(bootstrap, key, manifest)

    def _make(self, bootstrap: Bootstrap, key: ActionKey, manifest: Manifest) -> ImageDigest:
        started = self.clock.monotonic()
        with self.bootstrapper.root(bootstrap) as pack:
            blobs = self.blobs.sealed(
                pack, environment=self.bootstrapper.environment, compressed=True
            )
        unpacked = sum(self.blobs.unpacked_bytes(blob.digest) for blob in blobs[2:])
        digest = ImageDigest(blobs[0].digest)
        result = ActionResult(digest, blobs, unpacked, self.clock.monotonic() - started)
        record = ActionRecord(key, manifest, result, self.made_by)
        self.cache.put(record)
        if self.give is not None:
            self.give(record)
        return digest
