"""What images are made of, and what differs between two."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from buildsys.model.digest import Digest


@dataclass(frozen=True, slots=True)
class Part:
    """A share of a layer. `files` is 0 for a part of a single file."""

    name: str
    size_bytes: int
    files: int = 0


@dataclass(frozen=True, slots=True)
class LayerParts:
    """One layer, its parts from the largest down. `size_bytes` is unpacked."""

    digest: Digest
    size_bytes: int
    compressed_size_bytes: int
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A part of either of two images; None where it isn't in one."""

    name: str
    before: int | None
    after: int | None

    @property
    def difference(self) -> int:
        return (self.after or 0) - (self.before or 0)


def changes(before: Iterable[LayerParts], after: Iterable[LayerParts]) -> tuple[Change, ...]:
    """The parts that differ in size, those that differ most first."""
    old, new = _sums(before), _sums(after)
    found = (Change(name, old.get(name), new.get(name)) for name in {*old, *new})
    differing = (change for change in found if change.before != change.after)
    return tuple(sorted(differing, key=lambda change: (-abs(change.difference), change.name)))


def _sums(layers: Iterable[LayerParts]) -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for layer in layers:
        for part in layer.parts:
            sums[part.name] += part.size_bytes
    return dict(sums)
