"""Which keys this checkout last had for each layer: what a stale layer is compared with."""

import contextlib
import json
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from buildsys.model.digest import ActionKey
from buildsys.model.label import Label


@dataclass(slots=True)
class LastBuilt:
    """`.bs/built.json`: label → layer → key. Losing it loses explanations only."""

    path: str
    _keys: dict[str, dict[str, str]] | None = field(default=None)

    def key(self, label: Label, layer: str) -> ActionKey | None:
        found = self._loaded().get(str(label), {}).get(layer)
        return ActionKey(found) if found is not None else None

    def keys(self, labels: Collection[Label] | None = None) -> tuple[ActionKey, ...]:
        """Of all labels that were ever built here, or of the given ones."""
        names = None if labels is None else set(map(str, labels))
        known = self._loaded().items()
        own = (layers for label, layers in known if names is None or label in names)
        found = {key for layers in own for key in layers.values()}
        return tuple(ActionKey(key) for key in sorted(found))

    def update(self, keys: Mapping[Label, Mapping[str, ActionKey]]) -> frozenset[ActionKey]:
        """The keys that came with it, and those that went."""
        news = {
            str(label): {name: str(key) for name, key in own.items()} for label, own in keys.items()
        }
        known = self._loaded()
        # A layer that failed keeps its entry: it is stale against what was built, not new.
        merged = {label: known.get(label, {}) | own for label, own in news.items()}
        if all(known.get(label) == own for label, own in merged.items()):
            return frozenset()
        before = set(self.keys())
        known.update(merged)
        temporary = f"{self.path}.tmp-{os.getpid()}"
        with contextlib.suppress(OSError):
            os.makedirs(os.path.dirname(self.path), exist_ok=True)
            with open(temporary, "w", encoding="utf-8") as file:
                json.dump(self._keys, file, indent=1, sort_keys=True)
            os.replace(temporary, self.path)
        return frozenset(before ^ set(self.keys()))

    def _loaded(self) -> dict[str, dict[str, str]]:
        if self._keys is None:
            self._keys = {}
            with (
                contextlib.suppress(OSError, ValueError, TypeError, AttributeError),
                open(self.path, encoding="utf-8") as file,
            ):
                found = json.load(file)
                self._keys = {
                    str(label): {str(name): str(key) for name, key in layers.items()}
                    for label, layers in found.items()
                }
        return self._keys
