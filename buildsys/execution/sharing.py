"""Between the store of this machine and a shared cache: what is taken over, and what is given."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from buildsys.errors import ResultLost
from buildsys.events import Outcome
from buildsys.execution.ports import (
    ActionCache,
    ActionRecord,
    BlobStore,
    SharedCache,
    SharedResult,
)
from buildsys.model.action import ActionResult, Manifest
from buildsys.model.digest import ActionKey


@dataclass(frozen=True, slots=True)
class Sharing:
    """What one build shares."""

    shared: SharedCache
    cache: ActionCache
    blobs: BlobStore
    bases: Mapping[str, tuple[SharedResult, Manifest]] = field(default_factory=dict)
    """Digest → where it is from, for bases that are in the shared cache alone."""
    _given: dict[ActionKey, ActionRecord] = field(default_factory=dict)

    def take(self, found: SharedResult, manifest: Manifest) -> tuple[ActionResult, Outcome]:
        """Have the bytes of a result here, and record it; `PULLED` if they had to be fetched.

        Raises:
            ResultLost: they can't be had.
            MachineError: they can't be stored.
        """
        with self.cache.lock(found.key):
            stored = self.cache.get(found.key)
            if stored is not None:
                return stored, Outcome.FRESH
            self._fetch(found)
            self.cache.put(ActionRecord(found.key, manifest, found.result, found.made_by))
            return found.result, Outcome.PULLED

    def take_bases(self, references: Iterable[str]) -> None:
        """Have those bases here that only the shared cache has.

        Raises:
            ResultLost, MachineError: see `take`.
        """
        for reference in references:
            if reference in self.bases:
                self.take(*self.bases[reference])

    def give(self, record: ActionRecord) -> None:
        """Share what was made and stored here; goes on beside the build."""
        if record.key not in self._given:
            self._given[record.key] = record
            self.shared.publish(record)

    def given(self) -> dict[ActionKey, ActionResult]:
        """Wait until all is shared; returns the results of others that were quicker, which are ours now."""
        ours: dict[ActionKey, ActionResult] = {}
        for theirs in self.shared.published():
            record = self._given[theirs.key]
            with self.cache.lock(theirs.key):
                try:
                    self._fetch(theirs)
                except ResultLost:
                    # Ours is as right as theirs: both were made of the same.
                    continue
                self.cache.put(
                    ActionRecord(theirs.key, record.manifest, theirs.result, theirs.made_by)
                )
            ours[theirs.key] = theirs.result
        return ours

    def _fetch(self, found: SharedResult) -> None:
        lacking = [blob for blob in found.result.blobs if not self.blobs.has(blob)]
        known = [blob.digest for blob in found.result.blobs if blob not in lacking]
        with self.blobs.exporting(known) as folder:
            if not self.shared.fetch(found, lacking, folder):
                raise ResultLost(f"the shared cache has {found.key} no longer")
            blobs = self.blobs.adopt(folder, found.result.digest)
        assert blobs == found.result.blobs, "BUG: another image was fetched than was found"
