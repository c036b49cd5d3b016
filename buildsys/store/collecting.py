"""Removes from a store what is over its limits, and what is of no use to anybody: the work of `bs gc`.

To be called while nobody else uses the store (`DiskStore.alone`). Records go first, then blobs that no record
names: a crash in between leaves blobs without a record, which the next time are removed.
"""

import contextlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from buildsys.model.digest import ActionKey, Digest
from buildsys.store import durable
from buildsys.store.choosing import Entry, Limits, needed, superfluous
from buildsys.store.disk_store import DiskStore
from buildsys.store.locks import remove_unless_held
from buildsys.store.scratch import sweep

UNFINISHED_S = 3600.0
"""So old, a temporary file was left behind by a process that was killed."""

LastBuilt = Callable[[str], Collection[ActionKey]]
"""Folder of a workspace → the keys of its last build; none if it is gone."""


@dataclass(slots=True)
class Collected:
    """What was removed, or would be. `kept` counts the records that last builds need."""

    before_bytes: int = 0
    freed_bytes: int = 0
    records: int = 0
    blobs: int = 0
    facts: int = 0
    remains: int = 0
    """Files that nothing refers to, or that a killed process left behind."""
    kept: int = 0
    workspaces: list[str] = field(default_factory=list)

    @property
    def after_bytes(self) -> int:
        return self.before_bytes - self.freed_bytes


def collect(
    store: DiskStore,
    limits: Limits,
    now_s: float,
    last_built: LastBuilt,
    *,
    here: str = "",
    dry_run: bool = False,
) -> Collected:
    """Remove what is superfluous, or only say what that is; `here` is a workspace that counts in any case.

    Raises:
        MachineError: something can't be removed.
    """
    collection = _Collection(store, limits, now_s, last_built, here, dry_run)
    with durable.cannot_write(store.layout):
        collection.run()
    return collection.done


@dataclass
class _Collection:
    store: DiskStore
    limits: Limits
    now_s: float
    last_built: LastBuilt
    here: str
    dry_run: bool
    done: Collected = field(default_factory=Collected)
    roots: set[str] = field(default_factory=set)
    facts: set[str] = field(default_factory=set)
    """Those that living workspaces need."""

    def run(self) -> None:
        memory = self._path("verified")  # rewritten by tidying, by how much is known only then
        files = _files(self.store.layout)
        self.done.before_bytes = sum(_size(path) for path in files if path != memory)
        self._workspaces()
        self._remains()
        self._old_facts()
        entries = [self._entry(path) for path in _shards(self.store.records_folder)]
        kept = needed(entries, self.roots if self.limits.keep_last_builds else ())
        self.done.kept = len(kept)
        own = sum(entry.size_bytes for entry in entries) + sum(self.blobs.values())
        more = self.done.after_bytes - own
        gone = {entry.key for entry in superfluous(entries, kept, self.limits, self.now_s, more)}
        for key in gone:
            self.done.records += self._remove(self._path("records", key[:2], key))
        left = [entry for entry in entries if entry.key not in gone]
        self._blobs(_named(left))
        self._marks({entry.key for entry in left})
        if not self.dry_run:
            self.store.blobs.tidy()

    @cached_property
    def blobs(self) -> dict[Digest, int]:
        folder = self.store.blobs.folder
        names = os.listdir(folder) if os.path.isdir(folder) else ()
        return {
            Digest(f"sha256:{name}"): _size(os.path.join(folder, name))
            for name in names
            if ".tmp-" not in name
        }

    def _workspaces(self) -> None:
        """What each living workspace needs; what was noted of the others goes."""
        if self.here:
            self.roots.update(self.last_built(self.here))
        for path, workspace in self.store.usage.workspaces():
            keys = self.last_built(workspace.root) if workspace else ()
            if workspace and keys:
                self.done.workspaces.append(workspace.root)
                self.roots.update(keys)
                self.facts |= workspace.facts
            elif ".tmp-" not in path:
                self.done.remains += self._remove(path)

    def _entry(self, path: str) -> Entry:
        name = os.path.basename(path)
        found = os.stat(path)
        used_s = max(found.st_mtime, self.store.usage.last_used_s(name))
        record = self.store.record(ActionKey(name))
        if record is None:
            return Entry(name, used_s, found.st_size)
        digests = {blob.digest for blob in record.result.blobs}
        return Entry(
            name,
            used_s,
            found.st_size,
            {digest: self.blobs[digest] for digest in digests if digest in self.blobs},
            record.result.digest,
            frozenset(_texts(record.manifest.get("bases"))),
            frozenset(_texts(record.manifest.get("layers"))),
        )

    def _remains(self) -> None:
        """What was set aside or left behind."""
        for path in _files(os.path.join(self.store.layout, "damaged")):
            self.done.remains += self._remove(path)
        oldest_s = self.now_s - UNFINISHED_S
        for path in _files(self.store.layout, except_for="tmp"):
            if ".tmp-" in os.path.basename(path) and os.lstat(path).st_mtime < oldest_s:
                self.done.remains += self._remove(path)
        tmp = self._path("tmp")
        there = {path: _size(path) for path in _files(tmp)}
        if not self.dry_run:
            sweep(tmp)
            swept = [path for path in there if not os.path.lexists(path)]
            self.done.remains += len(swept)
            self.done.freed_bytes += sum(there[path] for path in swept)

    def _old_facts(self) -> None:
        if self.limits.max_age_s is None:
            return
        oldest_s = self.now_s - self.limits.max_age_s
        for path in _shards(self.store.facts_folder):
            name = os.path.basename(path)
            used_s = max(os.stat(path).st_mtime, self.store.usage.last_used_s(name))
            needed_here = self.limits.keep_last_builds and name in self.facts
            if not needed_here and used_s < oldest_s:
                self.done.facts += self._remove(path)

    def _blobs(self, named: Collection[Digest]) -> None:
        for digest in self.blobs:
            if digest not in named:
                name = digest.removeprefix("sha256:")
                self.done.blobs += self._remove(os.path.join(self.store.blobs.folder, name))
                if os.path.exists(self._path("sizes", name)):
                    self._remove(self._path("sizes", name))

    def _marks(self, records: Collection[str]) -> None:
        """Locks and uses of records and facts that are gone."""
        facts = {os.path.basename(path) for path in _shards(self.store.facts_folder)}
        for path in _shards(self._path("used")):
            if os.path.basename(path) not in records and os.path.basename(path) not in facts:
                self.done.remains += self._remove(path)
        for path in _files(self._path("locks")):
            if os.path.basename(path) not in records:
                self.done.remains += self.dry_run or remove_unless_held(path)

    def _remove(self, path: str) -> bool:
        self.done.freed_bytes += _size(path)
        if not self.dry_run:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        return True

    def _path(self, *names: str) -> str:
        return os.path.join(self.store.layout, *names)


def _named(entries: Iterable[Entry]) -> dict[Digest, int]:
    return {digest: size for entry in entries for digest, size in entry.blobs.items()}


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from map(str, value.values())


def _shards(folder: str) -> Iterator[str]:
    """The finished files of a folder whose files are in folders of two letters."""
    return (path for path in _files(folder) if ".tmp-" not in os.path.basename(path))


def _files(folder: str, except_for: str = "") -> Iterator[str]:
    for here, folders, names in os.walk(folder):
        if except_for and here == folder:
            folders[:] = [name for name in folders if name != except_for]
        yield from (os.path.join(here, name) for name in names)


def _size(path: str) -> int:
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0
