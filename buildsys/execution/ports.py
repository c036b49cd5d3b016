"""What execution needs of the world outside; implemented by the rooms beside it."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from buildsys.events import Vertex
from buildsys.model.action import ActionResult, Blob, KeyedAction, Manifest
from buildsys.model.digest import ActionKey, Digest, ImageDigest


@dataclass(frozen=True, slots=True)
class ActionRecord:
    """What is remembered of an action: what went in, what came out, who made it."""

    key: ActionKey
    manifest: Manifest
    result: ActionResult
    made_by: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SharedResult:
    """What somebody else made under a key: its bytes are elsewhere."""

    key: ActionKey
    result: ActionResult
    made_by: Mapping[str, str]


class SharedCache(Protocol):
    """What others have made. Trouble of any kind is a miss, said once: nothing here raises for it."""

    def find(self, keys: Iterable[ActionKey]) -> Mapping[ActionKey, SharedResult]:
        """What is known there of these keys: asked for all at once, and moves none of the results' bytes."""

    def fetch(self, found: SharedResult, lacking: Iterable[Blob], folder: str) -> bool:
        """Write those blobs of a result into `folder`, an OCI layout, each verified.

        If the image's manifest is there then, it is compared with what was found as well. False if something
        can't be had, or isn't what was said: then `find` doesn't know that key any longer.
        """

    def cancel(self) -> None:
        """Give up what is being fetched; from any thread."""

    @property
    def in_reach(self) -> bool:
        """Whether anything can still be fetched."""

    def publish(self, record: ActionRecord) -> None:
        """Share a stored result, some time before `published` returns; the first one to do so wins."""

    def published(self) -> tuple[SharedResult, ...]:
        """Wait for what is being published; returns those results of others that were quicker."""

    def note(self, commit: str, results: Mapping[ActionKey, ImageDigest]) -> None:
        """Note what a build needed, so that it stays; nothing where nothing may be written."""


class ActionCache(Protocol):
    """Key → result. Any number of processes may use it at once."""

    def get(self, key: ActionKey) -> ActionResult | None:
        """The stored result, only if every blob of it is there and whole; damage is a miss."""

    def manifest(self, key: ActionKey) -> Manifest | None:
        """The manifest of an action that was stored once, even if its blobs are gone."""

    def put(self, record: ActionRecord) -> None:
        """Store the result; from here on `get` returns it, even after a crash.

        Raises:
            MachineError: it can't be written (disk full, no permission).
        """

    def forget(self, key: ActionKey) -> None:
        """Remove the record, if there is one.

        Raises:
            MachineError: it can't be removed.
        """

    def lock(self, key: ActionKey) -> AbstractContextManager[None]:
        """Keeps other processes and threads from making the same result; dies with the process."""


class BlobStore(Protocol):
    """Digest → bytes, in OCI layout."""

    layout: str
    """The folder that has `blobs/sha256`."""

    def sealed(
        self,
        pack: Callable[[BinaryIO], None],
        *,
        environment: tuple[str, ...] = (),
        compressed: bool = False,
    ) -> tuple[Blob, ...]:
        """Store what `pack` writes (an uncompressed tar) as an image with that one layer.

        Returns manifest, config and layer.
        """

    def exporting(self, known: Iterable[Digest] = ()) -> AbstractContextManager[str]:
        """A private folder for an exported layout, removed at the end.

        `known` blobs are there already, so that nobody copies them again.
        """

    def adopt(self, folder: str, digest: ImageDigest) -> tuple[Blob, ...]:
        """Move the image's blobs from an exported OCI layout into the store.

        Returns manifest, config and layers, bottom up; whole, and safe from a crash.
        """

    def has(self, blob: Blob) -> bool:
        """Whether the blob is here, and whole."""

    def unpacked_bytes(self, layer: Digest) -> int:
        """The sizes of the regular files in a layer, added up."""


class Sealer(Protocol):
    """Packs input files."""

    def pack(self, inputs: Mapping[str, str], derived: Mapping[str, str], into: BinaryIO) -> None:
        """Write a deterministic tar of the files of one context (path → state as in the manifest).

        `derived` has the texts of those that aren't read (path → text).

        Raises:
            InputChanged: a file isn't in the state that the manifest says.
        """


@dataclass(frozen=True, slots=True)
class SolveRequest:
    """One call of BuildKit. A context is an image digest in `layout`, or `reference@sha256:…`."""

    name: str
    dockerfile: str
    stage: str
    platform: str
    contexts: Mapping[str, str]
    layout: str
    export_to: str
    rewrite_times: bool = False
    no_cache: bool = False
    affinity: str = ""
    """Solves with the same one go to the same engine, as long as it is there and has room."""


class Solver(Protocol):
    """BuildKit."""

    def solve(self, request: SolveRequest, progress: "Progress") -> ImageDigest:
        """Build a stage and export it as an OCI layout into `export_to`.

        Raises:
            BuildFailed: a step failed; the message says which, the output went to `progress`.
            MachineError: there is no BuildKit, or it went away, and so did all that could stand in for it.
            Interrupted: `cancel` was called.
        """

    def cancel(self) -> None:
        """Stop all solves under way and refuse new ones; from any thread."""


class Judge(Protocol):
    """Looks at what a test action left."""

    def judge(self, keyed: KeyedAction, result: ActionResult, progress: "Progress") -> None:
        """Return if the tests passed.

        Raises:
            CheckFailed: they didn't; what they said went to `progress`. The result isn't recorded.
        """


class Progress(Protocol):
    """Told what a solve does."""

    def engine(self, name: str) -> None:
        """An engine begins; told again if another one begins anew because it went away."""

    def step(self, name: str) -> None: ...

    def output(self, text: str) -> None: ...

    def vertex(self, vertex: Vertex) -> None: ...


class Clock(Protocol):
    """Time, so that tests can set it."""

    def monotonic(self) -> float:
        """Seconds; only differences mean anything."""
