"""Targets → keyed targets, with all that is known of modules on this machine."""

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass

from buildsys.analysis.analyze import Analysis
from buildsys.errors import MachineError
from buildsys.execution.ports import SharedCache
from buildsys.keys.keying import KeyedTarget, keyed
from buildsys.model.action import ActionResult, TargetActions
from buildsys.model.digest import ActionKey
from buildsys.model.files import BaseDigests
from buildsys.model.label import Label
from buildsys.store.disk_store import DiskStore
from buildsys.store.module_facts import StoredFacts
from buildsys.tracing import Tracer
from buildsys.workspace.tree import DiskTree

ActionsOf = Callable[[Analysis, Iterable[Label]], tuple[TargetActions, ...]]
"""What is keyed: the actions of images, or those of tests."""


@dataclass(frozen=True, slots=True)
class Knowing:
    """What keying takes. What isn't known yet, and stored layers tell, is read from them and kept."""

    analysis: Analysis
    tree: DiskTree
    store: DiskStore
    facts: StoredFacts
    bases: BaseDigests
    tracer: Tracer
    shared: SharedCache | None = None

    def keyed(self, labels: Iterable[Label], actions: ActionsOf) -> tuple[KeyedTarget, ...]:
        """Fully keyed, but for targets that await a layer which isn't stored.

        Raises:
            BuildFileError: a source or a manifest can't be understood.
        """
        found = self._keyed(labels, actions)
        told = self._learnt(found)
        if told:
            found |= self._keyed(_awaiting(found, told), actions)
            # What such a layer doesn't tell, nothing will.
            found |= self._keyed(_awaiting(found, told), actions, last=True)
        return tuple(found.values())

    def keyed_as_known(
        self, labels: Iterable[Label], actions: ActionsOf
    ) -> tuple[KeyedTarget, ...]:
        """Fully keyed in any case: where modules aren't known, all lines of their manifests count."""
        return tuple(self._keyed(labels, actions, last=True).values())

    def _keyed(
        self, labels: Iterable[Label], actions: ActionsOf, *, last: bool = False
    ) -> dict[Label, KeyedTarget]:
        with self.tracer.span("analysis"):
            targets = actions(self.analysis.knowing(self.facts, last=last), labels)
        with self.tracer.span("keys"):
            return {one.label: one for one in keyed(targets, self.tree, self.bases)}

    def _learnt(self, targets: Mapping[Label, KeyedTarget]) -> frozenset[ActionKey]:
        """Keys of the layers that are awaited and stored; what they tell is kept."""
        awaited = {
            layer.key: layer.action.bases
            for target in targets.values()
            for layer in target.layers
            if layer.key in target.awaited
        }
        stored = {key: result for key in awaited if (result := self.store.get(key)) is not None}
        stored |= self._told_elsewhere(awaited.keys() - stored.keys())
        for key, result in stored.items():
            (builder,) = awaited[key]
            self._learn(builder, result)
        return frozenset(stored)

    def _told_elsewhere(self, keys: AbstractSet[ActionKey]) -> dict[ActionKey, ActionResult]:
        """Those that the shared cache has; of their layers, only the one that tells is fetched."""
        if self.shared is None or not keys:
            return {}
        told: dict[ActionKey, ActionResult] = {}
        for key, found in self.shared.find(sorted(keys)).items():
            telling = found.result.blobs[-1]
            with self.store.exporting() as folder:
                if self.store.has(telling):
                    told[key] = found.result
                elif self.shared.fetch(found, [telling], folder):
                    self.store.adopt_blob(folder, telling)
                    told[key] = found.result
        return told

    def _learn(self, builder: str, modules: ActionResult) -> None:
        """A layer that can't be read tells nothing."""
        from buildsys.analysis.go_listing import modules_listed  # noqa: PLC0415 - rarely needed

        with suppress(MachineError, KeyError):
            self.facts.learn(builder, modules_listed(self.store.last_layer(modules)))


def _awaiting(targets: Mapping[Label, KeyedTarget], told: frozenset[ActionKey]) -> list[Label]:
    return [label for label, target in targets.items() if target.awaited & told]
