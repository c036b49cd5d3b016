"""What is kept beside the answer of the last `bs status`, so that an edit changes only what it has to.

Format of `.bs/edits`: as an answer (see `answers`), then the manifests of all layers one after another, whose
checksum is in what is before them. All else is in columns, as in an answer.
"""

import marshal
import os
from bisect import bisect_right
from itertools import accumulate
from struct import pack, unpack

from buildsys import answers

TYPE_CHECKING = False  # as in typing, which takes too long to import

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DIGEST_BYTES = 32
FACTS_BYTES = 16
KEY_CHARACTERS = 64
CELLS = 4
NAME = "edits"

Shape = tuple[tuple[str, bool], ...]
"""Names of a target's layers, bottom up, and which are made on demand."""


class Layers:
    """The layers of all targets: `keys` by number, states now, and states if the key were an unknown one."""

    __slots__ = ("borders", "keys", "numbers", "otherwise", "shapes", "states")

    def __init__(
        self,
        shapes: "Sequence[Shape]",
        numbers: "Sequence[int]",
        states: "Sequence[str]",
        otherwise: "Sequence[str]",
        keys: "Sequence[str]",
    ) -> None:
        self.shapes = shapes
        self.numbers = numbers
        self.states = states
        self.otherwise = otherwise
        self.keys = keys
        self.borders = [0, *accumulate(len(shape) for shape in shapes)]

    def of(self, target: int) -> range:
        """Where the target's layers stand in the columns."""
        return range(self.borders[target], self.borders[target + 1])

    def targets_with(self, key: int) -> "Iterator[int]":
        """The targets that have a layer of this key."""
        place = -1
        while True:
            try:
                place = self.numbers.index(key, place + 1)
            except ValueError:
                return
            yield bisect_right(self.borders, place) - 1


class Contents:
    """Of the rows of an answer that are files of the workspace: digests, readers, and what these found."""

    __slots__ = ("digests", "facts", "read_by", "readers")

    def __init__(
        self, readers: "Sequence[tuple[str, ...]]", read_by: bytes, digests: bytes, facts: bytes
    ) -> None:
        self.readers = readers
        self.read_by = read_by
        self.digests = digests
        self.facts = facts

    def readers_of(self, row: int) -> "tuple[str, ...] | None":
        """As `module:class`; None where not only readers looked at the content."""
        known = self.read_by[row] if row < len(self.read_by) else 0
        return self.readers[known - 1] if known else None

    def digest(self, row: int) -> bytes:
        return self.digests[row * DIGEST_BYTES : (row + 1) * DIGEST_BYTES]

    def facts_of(self, row: int) -> bytes:
        return self.facts[row * FACTS_BYTES : (row + 1) * FACTS_BYTES]


class Memory:
    """All of it. `flags` say how the answer was given: colour, exit code 1 for what is stale."""

    __slots__ = ("cells", "contents", "flags", "layers", "manifests", "records", "starts")

    def __init__(
        self,
        flags: tuple[bool, bool],
        records: str,
        contents: Contents,
        layers: Layers,
        cells: "list[str]",
        manifests: "tuple[Sequence[int], bytes]",
    ) -> None:
        self.flags = flags
        self.records = records
        self.contents = contents
        self.layers = layers
        self.cells = cells
        self.starts, self.manifests = manifests

    def manifest(self, key: int) -> bytes:
        return self.manifests[self.starts[key] : self.starts[key + 1]]

    def keys_with(self, text: bytes) -> "Iterator[int]":
        """The keys in whose manifest the text stands."""
        place = self.manifests.find(text)
        while place >= 0:
            key = bisect_right(self.starts, place) - 1
            yield key
            place = self.manifests.find(text, self.starts[key + 1])

    def save(self, root: str, answer: str) -> None:
        """Keep it for the answer with this checksum; failing costs time the next time, nothing else."""
        from buildsys.sights import write  # noqa: PLC0415 - not for those who only load

        layers, contents = self.layers, self.contents
        shapes = sorted(set(layers.shapes))
        payload = marshal.dumps(
            (
                answer,
                self.flags,
                self.records,
                (tuple(contents.readers), contents.read_by, contents.digests, contents.facts),
                tuple(shapes),
                _packed([shapes.index(shape) for shape in layers.shapes]),
                _packed(layers.numbers),
                " ".join(layers.states),
                " ".join(layers.otherwise),
                "".join(layers.keys),
                "\0".join(self.cells),
                _packed(self.starts),
                answers.checksum(self.manifests),
            )
        )
        write(os.path.join(root, ".bs", NAME), payload, self.manifests)


def load(root: str, answer: str) -> Memory | None:
    """What was kept beside the answer with this checksum, if that was the last one."""
    path = os.path.join(root, ".bs", NAME)
    found = answers.read(path)
    if found is None:
        return None
    said, *columns, cells, starts, guard = marshal.loads(found[0])  # noqa: S302 - its checksum was right
    if said != answer:
        return None
    manifests = _manifests(path, found[2])
    if answers.checksum(manifests) != guard:
        return None
    flags, records, contents, *of_layers = columns
    return Memory(
        flags,
        records,
        Contents(*contents),
        _layers(*of_layers),
        cells.split("\0"),
        (_unpacked(starts), manifests),
    )


def _layers(
    shapes: "Sequence[Shape]", shape_of: bytes, numbers: bytes, states: str, others: str, keys: str
) -> Layers:
    return Layers(
        [shapes[number] for number in _unpacked(shape_of)],
        _unpacked(numbers),
        states.split(" "),
        others.split(" "),
        [keys[at : at + KEY_CHARACTERS] for at in range(0, len(keys), KEY_CHARACTERS)],
    )


def _manifests(path: str, start: int) -> bytes:
    try:
        with open(path, "rb") as file:
            file.seek(start)
            return file.read()
    except OSError:
        return b""


def _packed(numbers: "Sequence[int]") -> bytes:
    return pack(f"{len(numbers)}I", *numbers)


def _unpacked(numbers: bytes) -> tuple[int, ...]:
    return unpack(f"{len(numbers) // 4}I", numbers)
