"""Targets' actions → keyed actions: a key is known before its action runs, nearly all before anything runs."""

from collections.abc import Iterable
from dataclasses import dataclass

from buildsys.keys.encoded import key_of
from buildsys.keys.manifest import encode, manifest_of
from buildsys.model.action import Action, KeyedAction, TargetActions
from buildsys.model.digest import ActionKey
from buildsys.model.files import BaseDigests, FileStates
from buildsys.model.label import Label


@dataclass(frozen=True, slots=True)
class KeyedTarget:
    """A target with the keys of its layers, bottom up; the last one is the image.

    `missing_bases` names bases that aren't there yet: then `layers` is empty, as no key can be known.
    `open` actions have no key before the layer that they await is there; they come after all of `layers`.
    """

    label: Label
    rule: str
    actions: TargetActions
    layers: tuple[KeyedAction, ...]
    missing_bases: tuple[str, ...] = ()
    open: tuple[Action, ...] = ()

    @property
    def image(self) -> KeyedAction:
        return self.layers[-1]

    @property
    def awaited(self) -> frozenset[ActionKey]:
        """Keys of the layers that tell what is still unknown."""
        names = {action.awaits for action in self.open}
        return frozenset(layer.key for layer in self.layers if layer.action.layer in names)

    @property
    def language_manifests(self) -> frozenset[str]:
        """Paths of go.mod, requirements.txt and the like: the inputs of the dependency layers."""
        return frozenset(
            path
            for action in self.actions.actions[:-1]
            for source in action.sources
            for path in source.paths
        )


def keyed(
    targets: Iterable[TargetActions], files: FileStates, bases: BaseDigests
) -> tuple[KeyedTarget, ...]:
    """Key all layers of all targets.

    Raises:
        BuildFileError: an input file can't be read.
    """
    # The layers that targets share are kept once.
    known: dict[bytes, tuple[bytes, ActionKey]] = {}
    return tuple(_keyed_target(target, files, bases, known) for target in targets)


def _keyed_target(
    target: TargetActions,
    files: FileStates,
    bases: BaseDigests,
    known: dict[bytes, tuple[bytes, ActionKey]],
) -> KeyedTarget:
    wanted = {base for action in target.actions for base in action.bases}
    missing = tuple(sorted(wanted - bases.keys()))
    if missing:
        return KeyedTarget(target.label, target.rule, target, (), missing)
    keys: dict[str, ActionKey] = {}
    layers: list[KeyedAction] = []
    for number, action in enumerate(target.actions):
        if action.awaits:
            return KeyedTarget(
                target.label, target.rule, target, tuple(layers), open=target.actions[number:]
            )
        encoded = encode(manifest_of(action, files, bases, keys))
        if encoded not in known:
            known[encoded] = encoded, ActionKey(key_of(encoded))
        encoded, key = known[encoded]
        keys[action.layer] = key
        entering = {name: keys[name] for name in action.layers}
        stand_ins = {name: keys[layer] for name, layer in (action.stand_ins or {}).items()}
        layers.append(KeyedAction(key, action, encoded, entering, stand_ins))
    return KeyedTarget(target.label, target.rule, target, tuple(layers))
