"""The ports that performing an action uses, each call a span: wrapped around them where a profile is wanted."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import BinaryIO

from buildsys.execution.perform import Performer
from buildsys.execution.ports import (
    ActionCache,
    ActionRecord,
    BlobStore,
    Judge,
    Progress,
    Solver,
    SolveRequest,
)
from buildsys.model.action import ActionResult, Blob, KeyedAction, Manifest
from buildsys.model.digest import ActionKey, Digest, ImageDigest
from buildsys.reporting.trace import ACTION
from buildsys.tracing import Tracer


def traced(performer: Performer, tracer: Tracer) -> Performer:
    """The same performer, each of whose actions is a span with its phases."""
    judge = performer.judge
    return replace(
        performer,
        cache=_Cache(performer.cache, tracer),
        blobs=_Blobs(performer.blobs, tracer, performer.blobs.layout),
        solver=_Solver(performer.solver, tracer),
        judge=_Judge(judge, tracer) if judge is not None else None,
    )


@dataclass(frozen=True, slots=True)
class _Cache:
    inner: ActionCache
    tracer: Tracer

    def get(self, key: ActionKey) -> ActionResult | None:
        with self.tracer.span("look up"):
            return self.inner.get(key)

    def manifest(self, key: ActionKey) -> Manifest | None:
        return self.inner.manifest(key)

    def put(self, record: ActionRecord) -> None:
        with self.tracer.span("record"):
            self.inner.put(record)

    def forget(self, key: ActionKey) -> None:
        self.inner.forget(key)

    @contextmanager
    def lock(self, key: ActionKey) -> Iterator[None]:
        """An action holds its lock from beginning to end: its span is that of the lock."""
        with self.tracer.span(ACTION, key), ExitStack() as held:
            with self.tracer.span("lock"):
                held.enter_context(self.inner.lock(key))
            yield


@dataclass(slots=True)
class _Blobs:
    inner: BlobStore
    tracer: Tracer
    layout: str

    def sealed(
        self,
        pack: Callable[[BinaryIO], None],
        *,
        environment: tuple[str, ...] = (),
        compressed: bool = False,
    ) -> tuple[Blob, ...]:
        with self.tracer.span("seal"):
            return self.inner.sealed(pack, environment=environment, compressed=compressed)

    @contextmanager
    def exporting(self, known: Iterable[Digest] = ()) -> Iterator[str]:
        with ExitStack() as left:
            with self.tracer.span("prepare"):
                folder = left.enter_context(self.inner.exporting(known))
            yield folder
            with self.tracer.span("clear away"):
                left.close()

    def adopt(self, folder: str, digest: ImageDigest) -> tuple[Blob, ...]:
        with self.tracer.span("adopt"):
            return self.inner.adopt(folder, digest)

    def has(self, blob: Blob) -> bool:
        return self.inner.has(blob)

    def unpacked_bytes(self, layer: Digest) -> int:
        with self.tracer.span("measure"):
            return self.inner.unpacked_bytes(layer)


@dataclass(frozen=True, slots=True)
class _Solver:
    inner: Solver
    tracer: Tracer

    def solve(self, request: SolveRequest, progress: Progress) -> ImageDigest:
        with self.tracer.span("solve"):
            return self.inner.solve(request, progress)

    def cancel(self) -> None:
        self.inner.cancel()


@dataclass(frozen=True, slots=True)
class _Judge:
    inner: Judge
    tracer: Tracer

    def judge(self, keyed: KeyedAction, result: ActionResult, progress: Progress) -> None:
        with self.tracer.span("judge"):
            self.inner.judge(keyed, result, progress)
