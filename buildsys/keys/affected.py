"""Which targets a change reaches: two states of a workspace compared by their keys."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from buildsys.keys.explain import Reason, ReasonCode, explain
from buildsys.keys.keying import KeyedTarget
from buildsys.model.action import KeyedAction, Role
from buildsys.model.label import Label


@dataclass(frozen=True, slots=True)
class ChangedLayer:
    """A layer that has another key than before, and why."""

    name: str
    role: Role
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Affected:
    """A target that would be made otherwise than before: its image, its tests, or both."""

    label: Label
    rule: str
    image: bool
    tests: bool
    layers: tuple[ChangedLayer, ...]


@dataclass(frozen=True, slots=True)
class Keyed:
    """The targets of one state of a workspace, fully keyed: images, and tests of those that have any."""

    images: Mapping[Label, KeyedTarget]
    tests: Mapping[Label, KeyedTarget]


def affected(before: Keyed, now: Keyed) -> tuple[Affected, ...]:
    """The targets of now whose image or tests have other keys than before, in order."""
    found = (
        _target(
            target,
            _changed(before.images.get(label), target),
            _changed(before.tests.get(label), now.tests.get(label)),
        )
        for label, target in now.images.items()
    )
    return tuple(one for one in found if one.image or one.tests)


def all_affected(now: Keyed) -> tuple[Affected, ...]:
    """All targets, where there is nothing to compare them with."""
    reason = (Reason(ReasonCode.NOT_COMPARED),)
    return tuple(
        _target(target, _last(target, reason), _last(now.tests.get(label), reason))
        for label, target in now.images.items()
    )


def _target(
    target: KeyedTarget, image: tuple[ChangedLayer, ...], tests: tuple[ChangedLayer, ...]
) -> Affected:
    layers = {layer.name: layer for layer in (*image, *tests)}
    return Affected(target.label, target.rule, bool(image), bool(tests), tuple(layers.values()))


def _last(target: KeyedTarget | None, reasons: tuple[Reason, ...]) -> tuple[ChangedLayer, ...]:
    if target is None:
        return ()
    action = target.image.action
    return (ChangedLayer(action.layer, action.role, reasons),)


def _changed(before: KeyedTarget | None, now: KeyedTarget | None) -> tuple[ChangedLayer, ...]:
    """What is made otherwise; nothing if the last layer isn't, whatever became of those below it."""
    if now is None:
        return ()
    if before is None:
        return _last(now, (Reason(ReasonCode.TARGET_ADDED),))
    if before.image.key == now.image.key:
        return ()
    known = {layer.action.layer: layer for layer in before.layers}
    counting = (one for one in now.layers if one.action.layer not in now.actions.on_demand)
    return tuple(_differences(known, counting, now.language_manifests))


def _differences(
    before: Mapping[str, KeyedAction], now: Iterable[KeyedAction], manifests: frozenset[str]
) -> Iterable[ChangedLayer]:
    for layer in now:
        old = before.get(layer.action.layer)
        # Of a layer that is new, the one above says that it wasn't there.
        if old is not None and old.key != layer.key:
            reasons = explain(old.manifest, layer.manifest, manifests)
            yield ChangedLayer(layer.action.layer, layer.action.role, reasons)
