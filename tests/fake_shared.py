"""A double of the port `SharedCache`: what a team shares, in memory, and each machine's way to it."""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from buildsys.execution.ports import ActionRecord, SharedResult
from buildsys.model.action import Blob
from buildsys.model.digest import ActionKey, Digest, ImageDigest, digest_of
from tests.fakes import blob_path


@dataclass
class Team:
    """What is shared. Blobs may be damaged or taken away by tests."""

    results: dict[ActionKey, SharedResult] = field(default_factory=dict)
    blobs: dict[Digest, bytes] = field(default_factory=dict)
    reachable: bool = True
    fetched: list[Digest] = field(default_factory=list)
    asked: list[ActionKey] = field(default_factory=list)
    noted: list[tuple[str, dict[ActionKey, ImageDigest]]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass
class FakeShared:
    """The port `SharedCache` of a machine whose store is at `layout`."""

    team: Team
    layout: str
    writes: bool = True
    before_publishing: Callable[[ActionRecord], None] = lambda _record: None
    breaks_after_finding: bool = False
    """What was found stays known, but nothing can be fetched any longer."""
    _known: dict[ActionKey, SharedResult] = field(default_factory=dict)
    _lost: set[ActionKey] = field(default_factory=set)
    _quicker: list[SharedResult] = field(default_factory=list)
    _gave_up: bool = False

    @property
    def in_reach(self) -> bool:
        return not self._gave_up

    def find(self, keys: Iterable[ActionKey]) -> Mapping[ActionKey, SharedResult]:
        asked = list(keys)
        self.team.asked += asked
        if self.in_reach and self.team.reachable:
            self._known |= {k: self.team.results[k] for k in asked if k in self.team.results}
        self._gave_up = self._gave_up or not self.team.reachable
        self.team.reachable = self.team.reachable and not self.breaks_after_finding
        return {k: self._known[k] for k in asked if k in self._known and k not in self._lost}

    def fetch(self, found: SharedResult, lacking: Iterable[Blob], folder: str) -> bool:
        self._gave_up = self._gave_up or not self.team.reachable
        if self._gave_up:
            return False
        for blob in lacking:
            content = self.team.blobs.get(blob.digest, b"")
            if digest_of(content) != blob.digest or len(content) != blob.size_bytes:
                self._lost.add(found.key)
                return False
            self.team.fetched.append(blob.digest)
            with open(blob_path(folder, blob.digest), "wb") as file:
                file.write(content)
        return True

    def cancel(self) -> None:
        self._gave_up = True

    def publish(self, record: ActionRecord) -> None:
        if not self.writes or not self.team.reachable:
            return
        self.before_publishing(record)
        mine = SharedResult(record.key, record.result, record.made_by)
        with self.team.lock:
            holds = self.team.results.get(record.key)
            if holds is None or record.key in self._lost:
                holds = self.team.results[record.key] = mine
                for blob in record.result.blobs:
                    with open(blob_path(self.layout, blob.digest), "rb") as file:
                        self.team.blobs[blob.digest] = file.read()
        if holds.result.digest != mine.result.digest:
            self._quicker.append(holds)

    def note(self, commit: str, results: Mapping[ActionKey, ImageDigest]) -> None:
        self.team.noted.append((commit, dict(results)))

    def published(self) -> tuple[SharedResult, ...]:
        quicker, self._quicker = tuple(self._quicker), []
        return quicker
