"""Keeps beside the answer of a status what an edit would need."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from buildsys.edits.applying import facts_digest
from buildsys.edits.memory import DIGEST_BYTES, FACTS_BYTES, Contents, Layers, Memory
from buildsys.execution.lookup import LastBuilt, LayerStatus, TargetStatus
from buildsys.execution.states import MISSING, STALE
from buildsys.keys.keying import KeyedTarget
from buildsys.model.action import Manifest
from buildsys.model.digest import ActionKey, digest_of, hex_of
from buildsys.model.label import Label
from buildsys.reporting.tables import status_cells
from buildsys.sights import ordered
from buildsys.workspace.tree import DiskTree

_MOST_READERS = 250


@dataclass(frozen=True, slots=True)
class Said:
    """A status with what it rests on; every key in it is known."""

    targets: tuple[KeyedTarget, ...]
    statuses: tuple[TargetStatus, ...]
    last_built: LastBuilt
    manifest_of: Callable[[ActionKey], Manifest | None]
    """The manifest of a key that was stored once."""
    _known: dict[ActionKey, bool] = field(default_factory=dict)

    def layers(self) -> Layers:
        numbers: dict[str, int] = {}
        shapes = []
        of_targets: list[int] = []
        states: list[str] = []
        otherwise: list[str] = []
        for status in self.statuses:
            shapes.append(tuple((layer.name, layer.on_demand) for layer in status.layers))
            for layer in status.layers:
                assert layer.key is not None
                of_targets.append(numbers.setdefault(layer.key, len(numbers)))
                states.append(layer.state.value)
                otherwise.append(self._otherwise(status.label, layer))
        return Layers(shapes, of_targets, states, otherwise, list(numbers))

    def _otherwise(self, label: Label, layer: LayerStatus) -> str:
        """The state with a key that nobody has built."""
        last = self.last_built(label, layer.name)
        if last is None:
            return MISSING
        stored = last == layer.key and layer.result is not None
        if not stored and last not in self._known:
            self._known[last] = self.manifest_of(last) is not None
        return STALE if stored or self._known[last] else MISSING

    def texts(self) -> set[tuple[str, str]]:
        """Path and digest of the files whose text analysis made."""
        made = {
            one
            for target in self.targets
            for layer in target.layers
            for source in layer.action.sources
            for one in source.derived
        }
        return {(path, digest_of(text.encode())) for path, text in made}

    def manifests(self) -> Iterator[bytes]:
        """In the order in which `layers` numbers the keys."""
        done: set[str] = set()
        for target in self.targets:
            for keyed in target.layers:
                if keyed.key not in done:
                    done.add(keyed.key)
                    yield keyed.encoded


def keep(
    said: Said,
    tree: DiskTree,
    records: str,
    flags: tuple[bool, bool],
    remember: Callable[[], str],
) -> None:
    """Keep the answer by `remember`, which returns its checksum, and beside it what an edit would need."""
    if any(target.missing_bases or target.open for target in said.targets):
        remember()
        return
    layers = said.layers()  # looks at records: the answer has to rest on them too
    checksum = remember()
    if checksum:
        _memory(said, layers, tree, records, flags).save(tree.root, checksum)


def _memory(
    said: Said, layers: Layers, tree: DiskTree, records: str, flags: tuple[bool, bool]
) -> Memory:
    """What has to be kept, with the rows in the order that they have in the answer."""
    manifests = list(said.manifests())
    starts = [0]
    for manifest in manifests:
        starts.append(starts[-1] + len(manifest))
    cells = [cell for row in map(status_cells, said.statuses) for cell in row]
    return Memory(
        flags, records, _contents(tree, said.texts()), layers, cells, (starts, b"".join(manifests))
    )


def _contents(tree: DiskTree, texts: set[tuple[str, str]]) -> Contents:
    files = {file.path: file for file in tree.read_files()}
    made = {(f"{tree.root}/{path}", digest) for path, digest in texts}
    numbers: dict[tuple[str, ...], int] = {}
    read_by = bytearray()
    digests: list[bytes] = []
    facts: list[bytes] = []
    for path, behind, found in ordered(tree.sights.rows()):
        if found is None:
            break
        file = None if behind else files.get(path)
        if file is not None and (path, file.digest) in made:
            file = None  # In a manifest, nobody could tell which of both it is.
        number = 0
        if file is not None:
            names = tuple(f"{one.__module__}:{one.__qualname__}" for one in file.readers)
            number = numbers.setdefault(names, len(numbers)) + 1
        if file is None or number > _MOST_READERS:
            read_by.append(0)
            digests.append(bytes(DIGEST_BYTES))
            facts.append(bytes(FACTS_BYTES))
        else:
            read_by.append(number)
            digests.append(bytes.fromhex(hex_of(file.digest)))
            facts.append(facts_digest(file.facts))
    return Contents(list(numbers), bytes(read_by), b"".join(digests), b"".join(facts))
