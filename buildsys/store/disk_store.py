"""The store on this machine: records and blobs below one folder, shared by any number of processes.

    blobs/sha256/HEX     manifests, configs and layers: an OCI layout without an index
    records/AB/KEY       one action record each (see `records`)
    verified             which blobs were found whole (see `verified`)
    locks/KEY            held while an action of this key runs
    used/, workspaces/   when things were last used, and by whom (see `usage`)
    tmp/                 private folders of running exports

Blobs are moved in before the record that names them, so that a crash leaves at worst a blob without a record.
"""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import BinaryIO

from buildsys.errors import MachineError
from buildsys.execution.ports import ActionRecord
from buildsys.model.action import ActionResult, Blob, Manifest
from buildsys.model.digest import ActionKey, Digest, ImageDigest, hex_of
from buildsys.sights import Sights
from buildsys.store import durable, records
from buildsys.store.blobs import Blobs, hash_file
from buildsys.store.locks import locked, locked_within
from buildsys.store.scratch import swept_folder
from buildsys.store.usage import Usage


class DiskStore:
    """`ActionCache` and `BlobStore` in one folder; see the ports for the contract."""

    def __init__(
        self,
        root: str,
        platform: str,
        warn: Callable[[str], None],
        sights: Sights | None = None,
    ) -> None:
        self.layout = root
        self._platform = platform
        self._sights = sights or Sights()
        self.blobs = Blobs(root, warn, self._sights)
        self.usage = Usage(root)

    def get(self, key: ActionKey) -> ActionResult | None:
        record = self.record(key)
        if record is None or not all(map(self.blobs.whole, record.result.blobs)):
            return None
        return record.result

    def manifest(self, key: ActionKey) -> Manifest | None:
        record = self.record(key)
        return record.manifest if record else None

    def record(self, key: ActionKey) -> ActionRecord | None:
        """The record alone, whatever became of its blobs; a damaged record is none."""
        path = self._record_path(key)
        content = durable.read(path) if self._sights.look(path, replaced=True) else None
        if content is None:
            return None
        try:
            return records.decode(key, content)
        except (ValueError, KeyError, TypeError, AttributeError):
            return None

    def put(self, record: ActionRecord) -> None:
        path = self._record_path(record.key)
        with durable.cannot_write(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
        durable.write(path, records.encode(record))

    def forget(self, key: ActionKey) -> None:
        path = self._record_path(key)
        with durable.cannot_write(path), contextlib.suppress(FileNotFoundError):
            os.unlink(path)

    def lock(self, key: ActionKey) -> AbstractContextManager[None]:
        return locked(os.path.join(self.layout, "locks", key))

    def sealed(
        self,
        pack: Callable[[BinaryIO], None],
        *,
        environment: tuple[str, ...] = (),
        compressed: bool = False,
    ) -> tuple[Blob, ...]:
        from buildsys.store import layers  # noqa: PLC0415 - a no-op seals nothing

        with self.exporting() as folder:
            path = os.path.join(folder, "layer")
            with durable.cannot_write(path), open(path, "wb") as file:
                pack(file)
            diff_id, media_type = hash_file(path), layers.TAR_TYPE
            if compressed:
                path, media_type = layers.compress(path), layers.ZSTD_TYPE
            layer = self.blobs.add_file(path, hash_file(path))
        settings = {"Env": list(environment)} if environment else {}
        config = self.blobs.add(layers.image_config([diff_id], self._platform, settings))
        manifest = layers.image_manifest(
            layers.descriptor(layers.CONFIG_TYPE, config.digest, config.size_bytes),
            [layers.descriptor(media_type, layer.digest, layer.size_bytes)],
        )
        return (self.blobs.add(manifest), config, layer)

    @contextmanager
    def exporting(self, known: Iterable[Digest] = ()) -> Iterator[str]:
        root = os.path.join(self.layout, "tmp")
        with swept_folder(root) as folder:
            inside = os.path.join(folder, "blobs", "sha256")
            with durable.cannot_write(inside):
                os.makedirs(inside)
                for digest in set(known):
                    # A link suffices: whoever exports looks only whether the blob is there. (A hard
                    # link would change the blob's ctime, and so cost hashing it again.)
                    os.symlink(self.blobs.path(digest), os.path.join(inside, hex_of(digest)))
            yield folder

    def adopt(self, folder: str, digest: ImageDigest) -> tuple[Blob, ...]:
        exported = os.path.join(folder, "blobs", "sha256", hex_of(digest))
        content = durable.read(exported)
        if content is None or hashlib.sha256(content).hexdigest() != hex_of(digest):
            raise MachineError(f"BuildKit exported no image {digest}")
        manifest = json.loads(content)
        wanted = [manifest["config"], *manifest["layers"]]
        below = [self.adopt_blob(folder, Blob(Digest(d["digest"]), d["size"])) for d in wanted]
        return (self.blobs.add(content), *below)

    def adopt_blob(self, folder: str, blob: Blob) -> Blob:
        """Move one blob from an exported OCI layout into the store.

        Raises:
            MachineError: it isn't there, or can't be stored.
        """
        if self.blobs.whole(blob):
            return blob
        exported = os.path.join(folder, "blobs", "sha256", hex_of(blob.digest))
        if os.path.islink(exported) or not _has_size(exported, blob.size_bytes):
            raise MachineError(f"blob {blob.digest} went away during the build", hint="build again")
        return self.blobs.add_file(exported, blob.digest)

    def has(self, blob: Blob) -> bool:
        return self.blobs.whole(blob)

    def last_layer(self, result: ActionResult) -> dict[str, str]:
        """The files of an image's last layer, by their names alone; it has to be a small one of texts.

        Raises:
            MachineError: it isn't, or is damaged.
        """
        from buildsys.store import layers  # noqa: PLC0415

        return layers.texts(self.blobs.path(result.blobs[-1].digest))

    def unpacked_bytes(self, layer: Digest) -> int:
        """Counted once for each layer, and remembered beside the blobs."""
        from buildsys.store import layers  # noqa: PLC0415

        memo = os.path.join(self.layout, "sizes", hex_of(layer))
        known = durable.read(memo)
        if known is not None and known.isdigit():
            return int(known)
        counted = layers.unpacked_bytes(self.blobs.path(layer))
        with durable.cannot_write(memo):
            os.makedirs(os.path.dirname(memo), exist_ok=True)
        durable.write(memo, str(counted).encode())
        return counted

    def copy(self, source: "DiskStore", key: ActionKey) -> bool:
        """Take over a record and its blobs from another store; False if it isn't whole there."""
        record = source.record(key)
        if record is None or source.get(key) is None:
            return False
        for blob in record.result.blobs:
            with self.exporting() as folder:
                path = os.path.join(folder, "blob")
                with durable.cannot_write(path):
                    shutil.copyfile(source.blobs.path(blob.digest), path)
                self.blobs.add_file(path, blob.digest)
        self.put(record)
        return True

    def records(self) -> Iterator[ActionRecord]:
        """All readable records, in no particular order."""
        root = self.records_folder
        for shard in sorted(os.listdir(root)) if os.path.isdir(root) else ():
            for name in sorted(os.listdir(os.path.join(root, shard))):
                record = self.record(ActionKey(name))
                if record is not None:
                    yield record

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Nothing is removed from the store meanwhile; nor if it is one that can't be written."""
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(MachineError):
                stack.enter_context(locked(self._guard, shared=True))
            yield

    @contextmanager
    def alone(self, wait_s: float, waiting: Callable[[], None]) -> Iterator[None]:
        """No build uses the store meanwhile; `waiting` is called if one does now.

        Raises:
            MachineError: one still does after `wait_s` seconds.
        """
        with locked_within(self._guard, wait_s, waiting) as had:
            if not had:
                raise MachineError(
                    f"builds still use the store {self.layout}: nothing was removed",
                    hint="try again when they have ended",
                )
            yield

    @property
    def _guard(self) -> str:
        return f"{self.layout}.lock"

    def remove_all(self) -> int:
        """Remove everything; returns the bytes freed."""
        freed = sum(
            os.lstat(os.path.join(folder, name)).st_size
            for folder, _, names in os.walk(self.layout)
            for name in names
        )
        shutil.rmtree(self.layout, ignore_errors=True)
        return freed

    @property
    def records_folder(self) -> str:
        return os.path.join(self.layout, "records")

    @property
    def facts_folder(self) -> str:
        return os.path.join(self.layout, "facts")

    def _record_path(self, key: ActionKey) -> str:
        return os.path.join(self.records_folder, key[:2], key)


def _has_size(path: str, size_bytes: int) -> bool:
    return os.path.exists(path) and os.path.getsize(path) == size_bytes
