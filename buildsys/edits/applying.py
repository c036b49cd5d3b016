"""From an answer and the edits since then to the answer of now, without analysing anything again.

What a target consists of depends on which files there are and on what readers find in them. Where files have
only other contents, and each reader that looked at one finds in it what it found before, every action is as it
was, and manifests differ by the digests of these files alone. With any doubt the command runs.
"""

import hashlib
import marshal
import os
import stat

from buildsys.answers import Remembered
from buildsys.edits.memory import CELLS, FACTS_BYTES, Memory, load
from buildsys.execution.states import FRESH, layers_cell, overall
from buildsys.keys.encoded import input_pair, key_of, with_layer
from buildsys.reporting.status_table import status_table

TYPE_CHECKING = False  # as in typing, which takes too long to import

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

MANY = 100
"""With more manifests or targets than this to be made anew, the command runs."""


class _Doubt(Exception):
    """The command has to run."""


def after_edits(known: Remembered) -> tuple[int, str] | None:
    """The exit code and text that the command would give, if that is certain."""
    if not known.changed:
        return None
    memory = load(known.root, known.checksum)
    if memory is None:
        return None
    try:
        pairs = [pair for row in known.changed for pair in _edited(known, memory, row)]
        renamed = _renamed(memory, pairs)
    except (_Doubt, OSError, UnicodeDecodeError):
        return None
    return _said(memory, renamed)


def facts_digest(values: "Iterable[Any]") -> bytes:
    """Stands for what readers found: plain values, which marshal's version 2 writes in one way only."""
    return hashlib.sha256(b"".join(marshal.dumps(value, 2) for value in values)).digest()[
        :FACTS_BYTES
    ]


def _edited(known: Remembered, memory: Memory, row: int) -> list[tuple[bytes, bytes]]:
    """How the file of a row stood in manifests, and how it does now; nothing if it has the same content.

    Raises:
        _Doubt: not only its content is another, or it tells readers something else.
    """
    readers = memory.contents.readers_of(row)
    mode = known.mode(row)
    path = known.paths[row]
    if readers is None or not stat.S_ISREG(mode) or not path.startswith(known.root + os.sep):
        raise _Doubt
    content = _content(path, mode)
    digest, before = hashlib.sha256(content).hexdigest(), memory.contents.digest(row).hex()
    if digest == before:
        return []
    if facts_digest([_read(reader, content) for reader in readers]) != memory.contents.facts_of(
        row
    ):
        raise _Doubt
    relative, executable = path[len(known.root) + 1 :], bool(mode & stat.S_IXUSR)
    old, new = (
        input_pair(relative, f"sha256:{each}", executable=executable) for each in (before, digest)
    )
    if old is None or new is None:
        raise _Doubt
    return [(old, new)]


def _content(path: str, mode: int) -> bytes:
    """The content of a file that is still of this mode, and doesn't change meanwhile."""
    # Not blocking: a FIFO in the place of a file must not hang the command.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        before = os.fstat(descriptor)
        if before.st_mode != mode:
            raise _Doubt
        content = file.read()
        after = os.fstat(descriptor)
    if (before.st_mtime_ns, before.st_ctime_ns) != (after.st_mtime_ns, after.st_ctime_ns):
        raise _Doubt
    return content


def _read(reader: str, content: bytes) -> object:
    module, _, name = reader.partition(":")
    found = getattr(__import__(module, fromlist=[name]), name)
    return found().read(content.decode("utf-8"))


def _renamed(memory: Memory, pairs: list[tuple[bytes, bytes]]) -> dict[int, str]:
    """The new key of each layer whose manifest is another now, by the number of the old one.

    Raises:
        _Doubt: there are many, or one of the new keys is not new: what is stored then has to be looked at.
    """
    first = {key for old, _ in pairs for key in memory.keys_with(old)}
    targets = {target for key in first for target in memory.layers.targets_with(key)}
    if len(first) > MANY or len(targets) > MANY:
        raise _Doubt
    renamed: dict[int, str] = {}
    for target in targets:
        _rename(memory, target, pairs, renamed)
    for key in renamed.values():
        if os.path.lexists(os.path.join(memory.records, key[:2], key)):
            raise _Doubt
    return renamed


def _rename(
    memory: Memory, target: int, pairs: list[tuple[bytes, bytes]], renamed: dict[int, str]
) -> None:
    """Add the new keys of the target's layers, from the bottom up."""
    numbers = [memory.layers.numbers[place] for place in memory.layers.of(target)]
    for place, number in enumerate(numbers):
        if number not in renamed:
            below = {each: renamed[each] for each in numbers[:place] if each in renamed}
            key = _new_key(memory, number, pairs, below)
            if key is not None:
                renamed[number] = key


def _new_key(
    memory: Memory, number: int, pairs: list[tuple[bytes, bytes]], below: dict[int, str]
) -> str | None:
    manifest = changed = memory.manifest(number)
    for old, new in pairs:
        changed = changed.replace(old, new)
    for layer, key in below.items():
        changed = with_layer(changed, memory.layers.keys[layer], key)
    if changed == manifest:
        return None
    if key_of(manifest) != memory.layers.keys[number]:
        raise _Doubt
    return key_of(changed)


def _said(memory: Memory, renamed: dict[int, str]) -> tuple[int, str]:
    layers = memory.layers
    cells = memory.cells
    for target in {target for key in renamed for target in layers.targets_with(key)}:
        names = layers.shapes[target]
        states = [
            layers.otherwise[place] if layers.numbers[place] in renamed else layers.states[place]
            for place in layers.of(target)
        ]
        here = target * CELLS
        cells[here + 1] = overall(
            [(state, optional) for state, (_, optional) in zip(states, names, strict=True)]
        )
        cells[here + 2] = layers_cell(zip((name for name, _ in names), states, strict=True))
        if layers.numbers[layers.of(target)[-1]] in renamed:
            cells[here + 3] = "-"
    rows = list(zip(*[iter(cells)] * CELLS, strict=True))
    colour, strict = memory.flags
    stale = any(state != FRESH for state in cells[1::CELLS])
    return int(strict and stale), "\n".join(status_table(rows, colour=colour)) + "\n"
