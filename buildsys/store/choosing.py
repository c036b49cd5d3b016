"""Which records to remove so that a store keeps within its limits: the least recently used first."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from buildsys.model.digest import Digest


@dataclass(frozen=True, slots=True)
class Limits:
    """What is allowed; None is no limit. What last builds need is kept beyond it, unless that isn't wanted."""

    max_bytes: int | None = None
    max_age_s: float | None = None
    keep_last_builds: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """A record: when it was last used, and what it takes."""

    key: str
    used_s: float
    size_bytes: int = 0
    """Of the record itself."""
    blobs: Mapping[Digest, int] = field(default_factory=dict)
    """Those that are there, with their sizes."""
    digest: str = ""
    """Of the image that it is about."""
    bases: frozenset[str] = frozenset()
    """Digests of the images that it was built on."""
    layers: frozenset[str] = frozenset()
    """Keys of the layers that it was built on."""


def needed(entries: Iterable[Entry], roots: Collection[str]) -> frozenset[str]:
    """The keys of `roots`, and of all that they were built on."""
    by_key = {entry.key: entry for entry in entries}
    by_digest: dict[str, list[str]] = {}
    for entry in by_key.values():
        by_digest.setdefault(entry.digest, []).append(entry.key)
    found: set[str] = set()
    left = [key for key in roots if key in by_key]
    while left:
        key = left.pop()
        if key not in found:
            found.add(key)
            entry = by_key[key]
            left += [layer for layer in entry.layers if layer in by_key]
            left += [base for digest in entry.bases for base in by_digest.get(digest, ())]
    return frozenset(found)


def superfluous(
    entries: Sequence[Entry], kept: Collection[str], limits: Limits, now_s: float, more_bytes: int
) -> tuple[Entry, ...]:
    """The entries to remove; never one that is `kept`. `more_bytes` are taken by other things that stay."""
    oldest_first = sorted(entries, key=lambda entry: (entry.used_s, entry.key))
    candidates = [entry for entry in oldest_first if entry.key not in kept]
    removed: list[Entry] = []
    if limits.max_age_s is not None:
        oldest_s = now_s - limits.max_age_s
        removed = [entry for entry in candidates if entry.used_s < oldest_s]
        candidates = candidates[len(removed) :]
    if limits.max_bytes is None:
        return tuple(removed)
    gone = {entry.key for entry in removed}
    left = [entry for entry in entries if entry.key not in gone]
    users = Counter(digest for entry in left for digest in entry.blobs)
    taken = more_bytes + sum(entry.size_bytes for entry in left)
    taken += sum({digest: size for entry in left for digest, size in entry.blobs.items()}.values())
    for entry in candidates:
        if taken <= limits.max_bytes:
            break
        users.subtract(entry.blobs.keys())
        taken -= entry.size_bytes
        taken -= sum(size for digest, size in entry.blobs.items() if not users[digest])
        removed.append(entry)
    return tuple(removed)
