"""The caches of one command in one workspace: the store here as far as it may be used, and a team's."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from buildsys.errors import MachineError, ResultLost
from buildsys.execution.bases import KnownBase, bootstrap_key, bootstrap_manifest
from buildsys.execution.lookup import LayerState, TargetStatus
from buildsys.execution.modes import CacheModes, LimitedCache
from buildsys.execution.ports import ActionCache, ActionRecord, SharedCache, SharedResult
from buildsys.execution.sharing import Sharing
from buildsys.keys.keying import KeyedTarget
from buildsys.keys.manifest import key_of
from buildsys.machine import Machine
from buildsys.model.action import ActionResult, Blob, Manifest
from buildsys.model.digest import ActionKey, ImageDigest, hex_of
from buildsys.model.target import Base, CacheSettings
from buildsys.tracing import UNTRACED, Tracer

if TYPE_CHECKING:
    from buildsys.registry.opening import Opening

Bases = dict[str, KnownBase]
KeyedOn = Callable[[Bases], tuple[KeyedTarget, ...]]

MODES, REGISTRY = "BS_CACHE", "BS_CACHE_REGISTRY"


@dataclass
class LazyShared:
    """The port `SharedCache`, opened when something isn't found here: till then nothing of it is imported."""

    open: Callable[[], SharedCache]
    tracer: Tracer = UNTRACED
    opened: SharedCache | None = None

    @property
    def in_reach(self) -> bool:
        return self._cache().in_reach

    def find(self, keys: Iterable[ActionKey]) -> Mapping[ActionKey, SharedResult]:
        with self.tracer.span("ask"):
            return self._cache().find(keys)

    def fetch(self, found: SharedResult, lacking: Iterable[Blob], folder: str) -> bool:
        with self.tracer.span("fetch"):
            return self._cache().fetch(found, lacking, folder)

    def publish(self, record: ActionRecord) -> None:
        self._cache().publish(record)

    def cancel(self) -> None:
        if self.opened is not None:
            self.opened.cancel()

    def note(self, commit: str, results: Mapping[ActionKey, ImageDigest]) -> None:
        if self.opened is not None:
            self.opened.note(commit, results)

    def published(self) -> tuple[SharedResult, ...]:
        if self.opened is None:
            return ()
        with self.tracer.span("publish"):
            return self.opened.published()

    def _cache(self) -> SharedCache:
        if self.opened is None:
            self.opened = self.open()
        return self.opened


@dataclass
class Caches:
    """`more` tells of the maker what is known only once something was made."""

    machine: Machine
    settings: CacheSettings
    modes: CacheModes
    more: Callable[[], Mapping[str, str]]
    bases: dict[str, tuple[SharedResult, Manifest]] = field(default_factory=dict)
    """Digest → where it is from: bases that the shared cache alone has."""
    without_bases: bool = False

    @cached_property
    def local(self) -> ActionCache:
        access = self.modes.local
        store = self.machine.store
        return store if access.read and access.write else LimitedCache(store, access)

    @property
    def shared_settings(self) -> CacheSettings:
        """The settings, with the registry that the environment names."""
        named = self.machine.environment.get(REGISTRY)
        return replace(self.settings, registry=named) if named else self.settings

    @cached_property
    def shared(self) -> LazyShared | None:
        settings = self.shared_settings
        if not settings.registry or not self.modes.remote.read:
            return None

        def opened() -> SharedCache:
            from buildsys.registry.opening import open_shared  # noqa: PLC0415

            return open_shared(settings, self.modes.remote, self._opening())

        return LazyShared(opened, self.machine.tracer)

    @cached_property
    def sharing(self) -> Sharing | None:
        if self.shared is None:
            return None
        return Sharing(self.shared, self.local, self.machine.store, self.bases)

    @property
    def plain(self) -> bool:
        """Whether the store here is all that an answer depends on."""
        return self.shared is None and self.modes.local == CacheModes().local

    @property
    def asked(self) -> bool:
        """Whether an answer may depend on somebody else's registry."""
        return self.shared is not None and self.shared.opened is not None

    def keyed(self, bases: Bases, keyed: KeyedOn) -> tuple[tuple[KeyedTarget, ...], Bases]:
        """Targets keyed on the bases that are known here, or else to the shared cache; with these bases."""
        targets = keyed(bases)
        missing = sorted({name for target in targets for name in target.missing_bases})
        found = self.shared_bases(bases[name].base for name in missing) if missing else {}
        return (keyed(bases | found), bases | found) if found else (targets, bases)

    def shared_bases(self, bases: Iterable[Base]) -> dict[str, KnownBase]:
        """Those bootstrapped bases that the shared cache has."""
        if self.shared is None or self.without_bases:
            return {}
        platform = self.machine.platform
        manifests = {
            base: bootstrap_manifest(base.bootstrap, platform) for base in bases if base.bootstrap
        }
        keys = {base: key_of(manifest) for base, manifest in manifests.items()}
        found = self.shared.find(keys.values()) if keys else {}
        known: dict[str, KnownBase] = {}
        for base, key in keys.items():
            if key in found:
                digest = found[key].result.digest
                self.bases[digest] = (found[key], manifests[base])
                known[base.name] = KnownBase(base, digest, "bootstrap")
        return known

    def have(self, status: TargetStatus, targets: Iterable[KeyedTarget]) -> ActionResult:
        """The image of one of the targets, with its bytes here: from the shared cache, if need be.

        Raises:
            MachineError: it isn't stored as the sources are now.
            ResultLost: the shared cache had it, and has it no longer.
        """
        result, elsewhere = self._known(status)
        if self.sharing is not None and elsewhere is not None:
            (target,) = (one for one in targets if one.label == status.label)
            self.sharing.take(elsewhere, target.image.manifest)
        return result

    def describe(self, status: TargetStatus) -> ActionResult:
        """A target's image, with its manifest here, and its layers wherever they are.

        Raises:
            MachineError, ResultLost: see `have`.
        """
        result, elsewhere = self._known(status)
        if elsewhere is not None:
            self._take_manifest(elsewhere)
        return result

    def _known(self, status: TargetStatus) -> tuple[ActionResult, SharedResult | None]:
        """A target's image; and where its bytes are, if that isn't here."""
        image = status.layers[-1]
        if image.result is None or image.key is None:
            raise MachineError(
                f"the image of {status.label} is {image.state}", hint=f"bs build {status.label}"
            )
        if self.shared is None or image.state is not LayerState.REMOTE:
            return image.result, None
        return image.result, self.shared.find([image.key]).get(image.key)

    def _take_manifest(self, found: SharedResult) -> None:
        store, image = self.machine.store, found.result.blobs[0]
        if store.has(image) or self.shared is None:
            return
        with store.exporting() as folder:
            if not self.shared.fetch(found, [image], folder):
                raise ResultLost(f"the shared cache has {found.key} no longer")
            with open(os.path.join(folder, "blobs", "sha256", hex_of(image.digest)), "rb") as file:
                store.blobs.add(file.read())

    def lose(self) -> None:
        """Take it that nothing of the shared cache can be had any longer, if that is so."""
        self.without_bases = self.shared is not None and not self.shared.in_reach

    def share(self, targets: Sequence[KeyedTarget], bases: Mapping[str, Base]) -> int:
        """Share all layers of targets that are stored here, and what they stand on; returns how many there are.

        Whatever is shared already costs a question. Waits for the end.
        """
        if self.sharing is None or not self.modes.remote.write:
            return 0
        keys = {layer.key for target in targets for layer in target.layers}
        platform = self.machine.platform
        names = {
            name for target in targets for action in target.actions.actions for name in action.bases
        }
        below = [base for name, base in bases.items() if name in names]
        keys |= {bootstrap_key(base.bootstrap, platform) for base in below if base.bootstrap}
        store = self.machine.store
        here = sorted(key for key in keys if store.get(key) is not None)
        there = self.sharing.shared.find(here)
        for record in (store.record(key) for key in here if key not in there):
            if record is not None:
                self.sharing.give(record)
        self.settle()
        return len(here)

    def note(
        self, results: Mapping[ActionKey, ImageDigest], bases: Iterable[KnownBase], commit: str
    ) -> None:
        """Say in the shared cache what a build needed that asked for something there."""
        if self.shared is None or not self.modes.remote.write:
            return
        platform = self.machine.platform
        made = {
            bootstrap_key(known.base.bootstrap, platform): ImageDigest(known.reference)
            for known in bases
            if known.origin == "bootstrap" and known.base.bootstrap and known.reference
        }
        self.shared.note(commit, {**results, **made})

    def settle(self) -> None:
        """Wait for what is being shared."""
        if self.sharing is not None:
            self.sharing.given()

    def _opening(self) -> "Opening":
        from buildsys.registry.opening import Opening  # noqa: PLC0415

        machine_ = self.machine
        path_of = machine_.store.blobs.path
        return Opening(machine_.environment, path_of, machine_.warn, self.more)


def modes_of(chosen: str, environment: Mapping[str, str]) -> CacheModes:
    """What `--cache` says, else `$BS_CACHE`.

    Raises:
        UsageError: it can't be understood.
    """
    return CacheModes.parse(chosen or environment.get(MODES, ""))
