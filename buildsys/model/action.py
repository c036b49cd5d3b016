"""Actions: what makes one layer of an image, with everything its result may depend on."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from buildsys.model.digest import ActionKey, Digest, ImageDigest
from buildsys.model.dockerfile import Stage
from buildsys.model.label import Label

CONSTANT_TIME = 315_532_800
"""1980-01-01 as Unix time, the oldest that zip files can carry: the time of everything in an image, and of
sealed sources."""


class Role(StrEnum):
    """A dependency layer is made of a language's manifests, the code layer of the sources.

    The layer of a test has what the tests said; it is stored only if they passed.
    """

    DEPENDENCY = "dependency"
    CODE = "code"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class SourceInput:
    """Files that enter as the named context `context`; sealed into one layer when the action runs.

    `names_only` files enter by their path alone and are empty in the build. `derived` has files (path, text)
    whose text analysis made of the workspace's file of that path, with only what may matter: the build gets
    that text and no other, so what was left out can't reach the result. `beside` has files that only the
    workspace's own texts of these ask for: they are no inputs, and there for stock tools.
    """

    context: str
    files: tuple[str, ...]
    names_only: tuple[str, ...] = ()
    derived: tuple[tuple[str, str], ...] = ()
    beside: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """The files of the workspace whose content matters, sorted."""
        return tuple(sorted({*self.files, *dict(self.derived)}))


@dataclass(frozen=True, slots=True)
class Action:
    """One layer of one target: the stages that make it, and the contexts that these stages name.

    `layers` are the names of the target's layers that enter as contexts of the same name.
    `stand_ins` names, for a layer in `layers` that is an accelerator, the layer that may stand in for it:
    with either, the result is the same, so the key has the stand-in. `pinned` names layers in `layers` that
    enter the build and no key: the inputs pin what is taken from them (a sum in go.sum pins a module).
    """

    layer: str
    role: Role
    rule: str
    rule_version: int
    stages: tuple[Stage, ...]
    platform: str
    sources: tuple[SourceInput, ...] = ()
    bases: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    stand_ins: Mapping[str, str] | None = None
    pinned: tuple[str, ...] = ()
    accelerator: bool = False
    rewrite_times: bool = False
    """The engine makes the times of its layers constant: they end up in the image as its steps left them."""
    awaits: str = ""
    """The layer of the target that tells, once it is there, what the inputs are; until then there is no key."""
    unknown: tuple[str, ...] = ()
    """What isn't known of the inputs before that, for messages."""

    @property
    def stage(self) -> str:
        """The stage whose result is the layer."""
        return self.stages[-1].name

    def stand_in(self, layer: str) -> str:
        return (self.stand_ins or {}).get(layer, layer)


@dataclass(frozen=True, slots=True)
class TargetActions:
    """The actions of one target, each behind those that it needs; the last one makes the image."""

    label: Label
    rule: str
    actions: tuple[Action, ...]
    max_size: int | None = None

    def action(self, layer: str) -> Action:
        return next(action for action in self.actions if action.layer == layer)

    @property
    def on_demand(self) -> frozenset[str]:
        """Layers that are made only for one that has to be made: no key of another layer depends on them."""
        lasting = [action for action in self.actions if not action.accelerator]
        pinned = {
            layer for one in lasting for name in one.pinned for layer in (name, one.stand_in(name))
        }
        kept = {
            one.stand_in(name) for one in lasting for name in one.layers if name not in one.pinned
        }
        return frozenset(pinned - kept).union(one.layer for one in self.actions if one.accelerator)


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob of an image: manifest, config or layer; `size_bytes` as it is stored."""

    digest: Digest
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ActionResult:
    """What an action made. `unpacked_bytes` counts the files of all layers, as `docker images` does."""

    digest: ImageDigest
    blobs: tuple[Blob, ...]
    """Manifest, config, then the layers from the bottom up."""
    unpacked_bytes: int
    duration_s: float = 0.0

    @property
    def size_bytes(self) -> int:
        """What the layers take as they are stored (compressed)."""
        return sum(blob.size_bytes for blob in self.blobs[2:])


@dataclass(frozen=True, slots=True)
class KeyedAction:
    """An action whose inputs were read: its manifest, and the key that is the manifest's hash."""

    key: ActionKey
    action: Action
    encoded: bytes
    """The manifest in its canonical form: many are kept, and few of them read."""
    layers: Mapping[str, ActionKey]
    """Context name → key, for the layers that enter; accelerators by their own keys."""
    stand_ins: Mapping[str, ActionKey]
    """Context name → key of what may stand in for the accelerator that enters there."""

    @property
    def manifest(self) -> "Manifest":
        found: Manifest = json.loads(self.encoded)
        return found


Manifest = Mapping[str, object]
"""JSON-like; see `buildsys.keys.manifest` for its fields."""
