"""The port `SharedCache` over repositories of a registry.

A key's tag names an index, the index an image (see `records`). A pull request reads its own repository and the
main line's, and writes its own; the main line knows no other.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

from buildsys.errors import MachineError
from buildsys.execution.ports import ActionRecord, SharedResult
from buildsys.model.action import Blob
from buildsys.model.digest import ActionKey, ImageDigest, hex_of
from buildsys.registry import builds
from buildsys.registry.breaker import Breaker
from buildsys.registry.builds import BuildNote
from buildsys.registry.client import MANIFEST_TYPE
from buildsys.registry.crew import each
from buildsys.registry.place import TRANSFERS, Place
from buildsys.registry.publisher import Publisher
from buildsys.registry.records import BadRecord, tag_of
from buildsys.registry.trouble import RegistryTrouble, WrongBytes

LOOKUP_S = 4.0
"""All looking up together: what isn't known by then is a miss."""
_MANY, _EACH_S = 300, 0.015
"""More keys than a hundred targets have may take longer, each by so much: to build is dearer than to wait."""
_LOOKUPS = 24
_LONG = 24 * 3600.0


class RegistryCache:
    """What is read from `places`, the first of which wins, and written by `publishing` if that is allowed."""

    def __init__(
        self,
        places: Sequence[Place],
        publisher: Publisher | None,
        warn: Callable[[str], None],
        lookup_s: float = LOOKUP_S,
    ) -> None:
        self._places = places
        self._publisher = publisher
        self._warn = warn
        self._left_s = lookup_s
        self._known: dict[ActionKey, tuple[SharedResult, Place] | None] = {}
        self._spoilt: set[ActionKey] = set()
        self._said: set[str] = set()
        self._cancelled = threading.Event()
        self._reading = Breaker("the shared cache isn't asked", warn)

    @property
    def in_reach(self) -> bool:
        return not self._reading.is_open

    def find(self, keys: Iterable[ActionKey]) -> dict[ActionKey, SharedResult]:
        asked = list(dict.fromkeys(keys))
        self._look_up([key for key in asked if key not in self._known])
        return {key: known[0] for key in asked if (known := self._known.get(key)) is not None}

    def fetch(self, found: SharedResult, lacking: Iterable[Blob], folder: str) -> bool:
        known = self._known.get(found.key)
        if known is None or self._reading.is_open:
            return False
        place, image = known[1], found.result.blobs[0]
        inside = os.path.join(folder, "blobs", "sha256")
        try:
            rest = list(lacking)
            if image in rest:
                rest.remove(image)
                _fetch_manifest(place, image, inside)
            _compare(found, os.path.join(inside, hex_of(image.digest)))
            work = partial(_fetch_blob, place, inside)
            moved = each(work, rest, threads=TRANSFERS, within_s=_LONG, stopped=self._cancelled)
            return sum(moved) == len(rest)
        except OSError as error:
            raise MachineError(
                f"can't write what is fetched: {error.strerror}", hint="make room in BS_CACHE_DIR"
            ) from None
        except WrongBytes as wrong:
            self._disown(found.key, str(wrong))
        except RegistryTrouble as trouble:
            self._reading.failed(trouble)
            if not self._reading.is_open:
                self._disown(found.key, str(trouble))
        return False

    def cancel(self) -> None:
        self._cancelled.set()

    def publish(self, record: ActionRecord) -> None:
        if self._publisher is not None and not self._reading.is_open:
            # What was found damaged isn't to win.
            self._publisher.give(record, anew=record.key in self._spoilt)

    def published(self) -> tuple[SharedResult, ...]:
        if self._publisher is None:
            return ()
        quicker = self._publisher.results()
        for theirs in quicker:
            self._known[theirs.key] = (theirs, self._publisher.place)
        return quicker

    def note(self, commit: str, results: Mapping[ActionKey, ImageDigest]) -> None:
        if self._publisher is None or self._reading.is_open:
            return
        try:
            noted = BuildNote(datetime.now(UTC), commit, results)
            builds.write(self._publisher.place.moving, noted)
        except RegistryTrouble as trouble:
            self._warn(f"shared cache: what this build needed isn't noted: {trouble}")

    def _look_up(self, keys: Sequence[ActionKey]) -> None:
        if not keys or self._reading.is_open:
            return
        answered = 0
        self._left_s += max(0, len(keys) - _MANY) * _EACH_S
        started = time.monotonic()
        for key, known in each(
            self._ask, keys, threads=_LOOKUPS, within_s=self._left_s, stopped=self._cancelled
        ):
            answered += 1
            self._known[key] = known
        self._left_s -= time.monotonic() - started
        if answered < len(keys) and not self._cancelled.is_set():
            self._reading.trip(f"it answered {answered} of {len(keys)} questions in time")

    def _ask(self, key: ActionKey) -> tuple[ActionKey, tuple[SharedResult, Place] | None]:
        for place in self._places:
            if self._reading.is_open:
                break
            try:
                found = self._at(place, key)
            except WrongBytes as wrong:
                self._say(f"a result isn't used: {wrong}")
            except RegistryTrouble as trouble:
                self._reading.failed(trouble)
            else:
                self._reading.worked()
                if found is not None:
                    return key, (found, place)
        return key, None

    def _at(self, place: Place, key: ActionKey) -> SharedResult | None:
        try:
            return place.result(key)
        except BadRecord as why:
            self._spoilt.add(key)
            self._say(f"a result isn't used: {why}", f" ({place.asking.repository}:{tag_of(key)})")
            return None

    def _disown(self, key: ActionKey, why: str) -> None:
        self._known[key] = None
        self._spoilt.add(key)
        self._say(f"a result isn't used: {why}")

    def _say(self, what: str, about: str = "") -> None:
        """Once: what is wrong with one is mostly wrong with many."""
        if what not in self._said:
            self._said.add(what)
            self._warn(f"shared cache: {what}{about}")


def _fetch_manifest(place: Place, image: Blob, folder: str) -> None:
    stored = place.moving.manifest(image.digest, (MANIFEST_TYPE,))
    if stored is None or len(stored.content) != image.size_bytes:
        raise WrongBytes(f"the registry has no image {image.digest}, which it should have")
    with open(os.path.join(folder, hex_of(image.digest)), "wb") as file:
        file.write(stored.content)


def _compare(found: SharedResult, path: str) -> None:
    """The image's manifest, if it is there, names the blobs that were found."""
    try:
        with open(path, "rb") as file:
            manifest = json.loads(file.read())
        # One digest, two meanings (CVE-2021-41190): what could be read as an index is no image.
        named = [] if "manifests" in manifest else [manifest["config"], *manifest["layers"]]
        blobs = [(one["digest"], one["size"]) for one in named]
    except FileNotFoundError:
        return
    except (ValueError, KeyError, TypeError):
        blobs = []
    if blobs != [(blob.digest, blob.size_bytes) for blob in found.result.blobs[1:]]:
        raise WrongBytes(f"image {found.result.digest} isn't what the record says of it")


def _fetch_blob(place: Place, folder: str, blob: Blob) -> int:
    path = os.path.join(folder, hex_of(blob.digest))
    with open(path, "wb") as file:
        if not place.moving.fetch_blob(blob, file):
            raise WrongBytes(f"the registry has no blob {blob.digest}, which it should have")
    return 1
