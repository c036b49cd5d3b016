"""A store as it is after everything was built, without building: a record for each key, with tiny blobs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from buildsys.events import Event
from buildsys.execution.ports import ActionRecord
from buildsys.machine import Machine
from buildsys.model.action import ActionResult, KeyedAction
from buildsys.model.digest import ImageDigest
from buildsys.store.disk_store import DiskStore
from buildsys.wiring import Session


class _Silent:
    def emit(self, event: Event) -> None:
        pass


def fill(root: Path, cache: Path) -> int:
    """Store a result for every layer of every target, and return how many there are.

    Each image has a manifest, a config and a layer of its own, on top of those below it, as real ones have.
    """
    environment = dict(os.environ) | {"BS_CACHE_DIR": str(cache)}
    session = Session(Machine(environment, _Silent()), str(root))
    store = session.machine.store
    # Nothing here has to outlive a crash, and a hundred thousand times is a long time to wait for the disk.
    with _unsynced():
        keys: dict[str, ActionResult] = {}
        last = {}
        for target in session.keyed(session.select(("all",)), session.bases()):
            for layer in target.layers:
                if layer.key not in keys:
                    keys[layer.key] = _store(store, layer, keys)
            last[target.label] = {layer.action.layer: layer.key for layer in target.layers}
        session.last_built.update(last)
    return len(keys)


@contextmanager
def _unsynced() -> Iterator[None]:
    synced = os.fsync
    os.fsync = _not_now
    try:
        yield
    finally:
        os.fsync = synced


def _not_now(fd: int | object) -> None:
    """In the place of `os.fsync`."""


def _store(store: DiskStore, layer: KeyedAction, known: dict[str, ActionResult]) -> ActionResult:
    below = [blob for key in layer.layers.values() for blob in known[key].blobs[2:]]
    own = [
        store.blobs.add(f"{layer.key} {part}".encode()) for part in ("manifest", "config", "layer")
    ]
    blobs = (own[0], own[1], *below, own[2])
    result = ActionResult(ImageDigest(own[0].digest), blobs, 8_000_000, 2.0)
    store.put(ActionRecord(layer.key, layer.manifest, result, {"host": "bench"}))
    return result
