"""Which engine an action goes to: by rendezvous hashing, so that nobody has to remember it. Pure.

Every engine gets a score with every key, and the highest one wins. An engine that joins takes over the keys
of which it has the highest score, one that leaves hands its keys on to the second of each, and nothing else
moves (Thaler and Ravishankar, "A name-based mapping scheme for rendezvous").
"""

import hashlib
from collections.abc import Iterable

from buildsys.model.action import KeyedAction, Role


def ranked(key: str, names: Iterable[str]) -> tuple[str, ...]:
    """The names, best first; the order in which they are given doesn't matter."""
    return tuple(sorted(set(names), key=lambda name: (_score(key, name), name), reverse=True))


def affinity(keyed: KeyedAction) -> str:
    """What decides on an action's engine: where the layer that it is built on is unpacked already.

    For what is made of sources that is the dependency layer below its first stage that has one, whatever the
    sources are; for a dependency layer itself.
    """
    if keyed.action.role is Role.DEPENDENCY:
        return keyed.key
    built_on = (stage.base for stage in keyed.action.stages if stage.base in keyed.layers)
    layer = next(built_on, min(keyed.layers, default=""))
    return keyed.layers.get(layer, keyed.key)


def _score(key: str, name: str) -> bytes:
    return hashlib.sha256(f"{key}\0{name}".encode()).digest()
