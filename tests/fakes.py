"""Doubles of the ports. None of them ever looks at a key: what they make comes from contents alone.

A double that computed from the key would agree with the key on every mistake in it.
"""

import io
import json
import os
import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO

from buildsys.errors import BuildFileError, BuildsysError, InputChanged, Interrupted, Location
from buildsys.events import ActionFinished, ActionStarted, Event, Outcome, Vertex, Warned
from buildsys.execution.ports import (
    ActionRecord,
    Progress,
    SolveRequest,
)
from buildsys.model.action import ActionResult, Blob, Manifest
from buildsys.model.digest import ActionKey, Digest, ImageDigest, digest_of, hex_of, is_digest
from buildsys.model.files import NAME_ONLY, FileState

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
TAR_TYPE = "application/vnd.oci.image.layer.v1.tar"
RESULT = "result.json"
PINNED = "# The files say all that is taken of"
"""A line of a Dockerfile that begins so tells the solver to leave a context out of what it computes."""


# --- images ---------------------------------------------------------------------------------------


def blob_path(layout: str, digest: str) -> str:
    return os.path.join(layout, "blobs", "sha256", hex_of(Digest(digest)))


def write_image(layout: str, layer: bytes, environment: Iterable[str] = ()) -> tuple[Blob, ...]:
    """Write the manifest, config and layer of a minimal image."""
    os.makedirs(os.path.join(layout, "blobs", "sha256"), exist_ok=True)
    packed = _add(layout, layer)
    config = _add(
        layout,
        _json(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": {"Env": list(environment)},
                "rootfs": {"type": "layers", "diff_ids": [packed.digest]},
            }
        ),
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": _descriptor(CONFIG_TYPE, config),
            "layers": [_descriptor(TAR_TYPE, packed)],
        }
    )
    return (_add(layout, manifest), config, packed)


def image_layer(layout: str, digest: str) -> bytes:
    """The one layer of an image in a layout; asserts that each blob on the way is whole."""
    manifest = json.loads(_whole(layout, digest))
    _whole(layout, manifest["config"]["digest"])
    (layer,) = manifest["layers"]
    return _whole(layout, layer["digest"])


def tar_of(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path in sorted(files):
            member = tarfile.TarInfo(path)
            member.size = len(files[path])
            tar.addfile(member, io.BytesIO(files[path]))
    return packed.getvalue()


def tar_contents(layer: bytes) -> dict[str, str]:
    """Path → what a build could see of it, in a spelling of this module's own."""
    found: dict[str, str] = {}
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        for member in tar:
            if member.issym():
                found[member.name] = f"link to {member.linkname}"
            elif member.isreg():
                content = tar.extractfile(member)
                assert content is not None
                mode = "program" if member.mode & 0o100 else "file"
                found[member.name] = f"{mode} {content.read()!r}"
    return found


def _whole(layout: str, digest: str) -> bytes:
    with open(blob_path(layout, digest), "rb") as file:
        content = file.read()
    assert digest_of(content) == digest, f"the blob {digest} is damaged"
    return content


def _add(layout: str, content: bytes) -> Blob:
    digest = digest_of(content)
    path = blob_path(layout, digest)
    temporary = f"{path}.{threading.get_ident()}"
    with open(temporary, "wb") as file:
        file.write(content)
    os.replace(temporary, path)
    return Blob(digest, len(content))


def _descriptor(media_type: str, blob: Blob) -> dict[str, object]:
    return {"mediaType": media_type, "digest": blob.digest, "size": blob.size_bytes}


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


# --- the solver -----------------------------------------------------------------------------------


def evaluate(
    dockerfile: str,
    stage: str,
    platform: str,
    contexts: Mapping[str, object],
    *,
    rewrite_times: bool = False,
) -> dict[str, object]:
    """What "building" gives: everything that a build could see, and nothing else."""
    return {
        "dockerfile": dockerfile,
        "stage": stage,
        "platform": platform,
        "contexts": {name: contexts[name] for name in sorted(contexts)},
        "rewrite_times": rewrite_times,
    }


@dataclass
class FakeSolver:
    """The port `Solver`: an image that is a function of the Dockerfile and of the contexts' contents.

    `accelerators` names stages that only make others quicker: what they give to the stages above them is
    what they got themselves.
    """

    accelerators: frozenset[str] = frozenset()
    failures: dict[str, BuildsysError] = field(default_factory=dict)
    """Stage → what is raised instead of a result."""
    on_solve: Callable[[SolveRequest], None] = lambda _request: None
    """Called when a solve begins: may block, raise, or change the world."""
    vertexes: tuple[Vertex, ...] = ()
    """What is told of each solve."""
    leaves: dict[str, Callable[[Mapping[str, str]], Mapping[str, str]]] = field(
        default_factory=dict
    )
    """Stage → what it leaves beside its result, as files: computed from the files that enter it."""
    address: str = "unix:///made/up"
    requests: list[SolveRequest] = field(default_factory=list)
    cancelled: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def stages(self) -> list[str]:
        return [request.stage for request in self.requests]

    def solve(self, request: SolveRequest, progress: Progress) -> ImageDigest:
        with self._lock:
            if self.cancelled.is_set():
                raise Interrupted("interrupted")
            self.requests.append(request)
        progress.engine(self.address)
        progress.step(f"[{request.stage} 1/1] RUN")
        self.on_solve(request)
        for vertex in self.vertexes:
            progress.vertex(vertex)
        if self.cancelled.is_set():
            raise Interrupted("interrupted")
        if request.stage in self.failures:
            progress.output(f"{request.stage} went wrong\n")
            raise self.failures[request.stage]
        left = {RESULT: _json(self._result(request))}
        if request.stage in self.leaves:
            entering = files_of_contexts(request.layout, request.contexts.values())
            found = self.leaves[request.stage](entering)
            left |= {path: text.encode() for path, text in found.items()}
        blobs = write_image(request.export_to, tar_of(left))
        return ImageDigest(blobs[0].digest)

    def cancel(self) -> None:
        self.cancelled.set()

    def _result(self, request: SolveRequest) -> object:
        contexts = {
            name: context_content(request.layout, reference)
            for name, reference in request.contexts.items()
            if f"{PINNED} {name}\n" not in request.dockerfile
        }
        if request.stage in self.accelerators:
            (below,) = contexts.values()
            return below
        return evaluate(
            request.dockerfile,
            request.stage,
            request.platform,
            contexts,
            rewrite_times=request.rewrite_times,
        )


def context_content(layout: str, reference: str) -> object:
    """What is in a context: files, the result of a layer below, or a base by the digest of its pin."""
    if not is_digest(reference):
        return {"base": reference.rpartition("@")[2]}
    layer = image_layer(layout, reference)
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        if RESULT in tar.getnames():
            file = tar.extractfile(RESULT)
            assert file is not None
            return json.load(file)
    return {"files": tar_contents(layer)}


def files_of_contexts(layout: str, references: Iterable[str]) -> dict[str, str]:
    """Path → text of the files that were sealed into some contexts."""
    found: dict[str, str] = {}
    for reference in filter(is_digest, references):
        with tarfile.open(fileobj=io.BytesIO(image_layer(layout, reference))) as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isreg() else None
                if content is not None:
                    found[member.name] = content.read().decode()
    return found


def result_of(layout: str, digest: str) -> object:
    """What a fake solve put into its image."""
    return context_content(layout, digest)


@dataclass
class RecordingProgress:
    """The port `Progress`."""

    steps: list[str] = field(default_factory=list)
    text: str = ""
    vertexes: list[Vertex] = field(default_factory=list)
    engines: list[str] = field(default_factory=list)

    def engine(self, name: str) -> None:
        self.engines.append(name)

    def step(self, name: str) -> None:
        self.steps.append(name)

    def output(self, text: str) -> None:
        self.text += text

    def vertex(self, vertex: Vertex) -> None:
        self.vertexes.append(vertex)


# --- the store ------------------------------------------------------------------------------------


class MemoryStore:
    """The ports `ActionCache` and `BlobStore`: records in a dict, blobs as plain files of `layout`."""

    def __init__(self, layout: str) -> None:
        self.layout = layout
        os.makedirs(os.path.join(layout, "blobs", "sha256"), exist_ok=True)
        self.records: dict[ActionKey, ActionRecord] = {}
        self._locks: dict[ActionKey, threading.Lock] = {}
        self._guard = threading.Lock()

    def get(self, key: ActionKey) -> ActionResult | None:
        record = self.records.get(key)
        if record is None or not all(map(self._is_whole, record.result.blobs)):
            return None
        return record.result

    def manifest(self, key: ActionKey) -> Manifest | None:
        record = self.records.get(key)
        return record.manifest if record else None

    def put(self, record: ActionRecord) -> None:
        self.records[record.key] = record

    def forget(self, key: ActionKey) -> None:
        self.records.pop(key, None)

    @contextmanager
    def lock(self, key: ActionKey) -> Iterator[None]:
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            yield

    def sealed(
        self,
        pack: Callable[[BinaryIO], None],
        *,
        environment: tuple[str, ...] = (),
        compressed: bool = False,  # noqa: ARG002 - what is in a layer doesn't depend on it
    ) -> tuple[Blob, ...]:
        layer = io.BytesIO()
        pack(layer)
        return write_image(self.layout, layer.getvalue(), environment)

    @contextmanager
    def exporting(self, known: Iterable[Digest] = ()) -> Iterator[str]:
        with tempfile.TemporaryDirectory(dir=self.layout) as folder:
            os.makedirs(os.path.join(folder, "blobs", "sha256"))
            for digest in set(known):
                os.symlink(blob_path(self.layout, digest), blob_path(folder, digest))
            yield folder

    def adopt(self, folder: str, digest: ImageDigest) -> tuple[Blob, ...]:
        manifest = json.loads(_whole(folder, digest))
        descriptors = [manifest["config"], *manifest["layers"]]
        names = [digest, *(descriptor["digest"] for descriptor in descriptors)]
        return tuple(_add(self.layout, _whole(folder, name)) for name in names)

    def has(self, blob: Blob) -> bool:
        return self._is_whole(blob)

    def unpacked_bytes(self, layer: Digest) -> int:
        with tarfile.open(blob_path(self.layout, layer)) as tar:
            return sum(member.size for member in tar if member.isreg())

    def _is_whole(self, blob: Blob) -> bool:
        try:
            with open(blob_path(self.layout, blob.digest), "rb") as file:
                return digest_of(file.read()) == blob.digest
        except OSError:
            return False


@dataclass
class SpoilingStore:
    """Another store whose calls fail on command: `fail_at` counts them from 1, 0 means never."""

    inner: MemoryStore
    error: BuildsysError
    fail_at: int = 0
    calls: int = 0

    @property
    def layout(self) -> str:
        return self.inner.layout

    @layout.setter
    def layout(self, folder: str) -> None:
        self.inner.layout = folder

    def _call(self) -> None:
        self.calls += 1
        if self.calls == self.fail_at:
            raise self.error

    def get(self, key: ActionKey) -> ActionResult | None:
        return self.inner.get(key)

    def manifest(self, key: ActionKey) -> Manifest | None:
        return self.inner.manifest(key)

    def put(self, record: ActionRecord) -> None:
        self._call()
        self.inner.put(record)

    def forget(self, key: ActionKey) -> None:
        self._call()
        self.inner.forget(key)

    def lock(self, key: ActionKey) -> AbstractContextManager[None]:
        self._call()
        return self.inner.lock(key)

    def sealed(
        self,
        pack: Callable[[BinaryIO], None],
        *,
        environment: tuple[str, ...] = (),
        compressed: bool = False,
    ) -> tuple[Blob, ...]:
        self._call()
        return self.inner.sealed(pack, environment=environment, compressed=compressed)

    def exporting(self, known: Iterable[Digest] = ()) -> AbstractContextManager[str]:
        self._call()
        return self.inner.exporting(known)

    def adopt(self, folder: str, digest: ImageDigest) -> tuple[Blob, ...]:
        self._call()
        return self.inner.adopt(folder, digest)

    def has(self, blob: Blob) -> bool:
        self._call()
        return self.inner.has(blob)

    def unpacked_bytes(self, layer: Digest) -> int:
        self._call()
        return self.inner.unpacked_bytes(layer)


# --- clock, events, files -------------------------------------------------------------------------


@dataclass
class FakeClock:
    """The port `Clock`; stands still unless told."""

    now: float = 0.0

    def monotonic(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class RecordingSink:
    """The port `EventSink`."""

    events: list[Event] = field(default_factory=list)

    def emit(self, event: Event) -> None:
        self.events.append(event)

    @property
    def started(self) -> list[ActionStarted]:
        return [event for event in self.events if isinstance(event, ActionStarted)]

    @property
    def outcomes(self) -> dict[str, Outcome]:
        """Layer and targets → outcome."""
        return {
            f"{event.layer} of {' '.join(map(str, event.labels))}": event.outcome
            for event in self.events
            if isinstance(event, ActionFinished)
        }

    @property
    def warnings(self) -> list[str]:
        return [event.message for event in self.events if isinstance(event, Warned)]


@dataclass(frozen=True)
class File:
    """A file of a made-up checkout; a link if `link` is given."""

    content: bytes = b""
    executable: bool = False
    link: str | None = None


@dataclass
class DictFiles:
    """`FileStates` and `Sealer` over a dict: the sources of a made-up checkout."""

    files: dict[str, File]

    def state(self, path: str) -> FileState:
        file = self.files.get(path)
        if file is None:
            raise BuildFileError("no such file", at=Location(path))
        if file.link is not None:
            return FileState(link=file.link)
        return FileState(digest_of(file.content), executable=file.executable)

    def pack(self, inputs: Mapping[str, str], derived: Mapping[str, str], into: BinaryIO) -> None:
        with tarfile.open(fileobj=into, mode="w") as tar:
            for path in sorted(inputs):
                if path in derived:
                    _pack(tar, path, File(derived[path].encode()))
                elif inputs[path] == NAME_ONLY:
                    tar.addfile(tarfile.TarInfo(path))
                elif path not in self.files or str(self.state(path)) != inputs[path]:
                    raise InputChanged("changed during the build", at=Location(path))
                else:
                    _pack(tar, path, self.files[path])


def _pack(tar: tarfile.TarFile, path: str, file: File) -> None:
    member = tarfile.TarInfo(path)
    if file.link is not None:
        member.type, member.linkname = tarfile.SYMTYPE, file.link
        tar.addfile(member)
        return
    member.mode = 0o755 if file.executable else 0o644
    member.size = len(file.content)
    tar.addfile(member, io.BytesIO(file.content))
