"""Puts results into a repository, beside the build; the first one to do so wins."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from buildsys.execution.ports import ActionRecord, SharedResult
from buildsys.model.action import Blob
from buildsys.model.digest import Digest
from buildsys.registry.breaker import Breaker
from buildsys.registry.client import MANIFEST_TYPE, file_opener
from buildsys.registry.crew import Crew
from buildsys.registry.place import TRANSFERS, Place
from buildsys.registry.records import BadRecord, Signer
from buildsys.registry.trouble import RegistryTrouble


@dataclass
class Publisher:
    """`mount_from` names a repository of the same registry that may have blobs already."""

    place: Place
    path_of: Callable[[Digest], str]
    warn: Callable[[str], None]
    sign: Signer | None = None
    mount_from: str = ""
    more: Callable[[], Mapping[str, str]] = dict
    """What is known of the maker only when something was made, for example the version of BuildKit."""
    _sending: dict[str, threading.Lock] = field(default_factory=dict)
    _there: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._breaker = Breaker("nothing is put into the shared cache", self.warn)
        self._crew: Crew[tuple[ActionRecord, bool], SharedResult | None] = Crew(
            self._publish, TRANSFERS
        )

    def give(self, record: ActionRecord, *, anew: bool) -> None:
        """Publish a record whose blobs are stored; `anew` if what is under its key is known to be bad."""
        self._crew.give((record, anew))

    def results(self) -> tuple[SharedResult, ...]:
        """Wait for all; the results of others that hold instead of ours."""
        return tuple(theirs for theirs in self._crew.results() if theirs is not None)

    def _publish(self, given: tuple[ActionRecord, bool]) -> SharedResult | None:
        record, anew = given
        if self._breaker.is_open:
            return None
        try:
            made_by = {**record.made_by, **self.more()}
            mine = SharedResult(record.key, record.result, made_by)
            holds = self._first(mine, anew=anew)
        except OSError as error:
            self.warn(f"shared cache: a result isn't shared: {error.strerror}")
            return None
        except RegistryTrouble as trouble:
            self._breaker.failed(trouble)
            return None
        self._breaker.worked()
        return holds if holds.result.digest != mine.result.digest else None

    def _first(self, mine: SharedResult, *, anew: bool) -> SharedResult:
        """What holds under the key: ours, unless somebody was quicker.

        A registry compares nothing before it writes. So two that write at the very same time may both think
        that theirs holds, until they look again; either is right.
        """
        if not anew and (theirs := self._there_already(mine)) is not None:
            return theirs
        image, *below = mine.result.blobs
        for blob in below:
            self._send(blob, anew=anew)
        with open(self.path_of(image.digest), "rb") as file:
            self.place.moving.put_manifest(image.digest, file.read(), MANIFEST_TYPE)
        # Sending may have taken long.
        if not anew and (theirs := self._there_already(mine)) is not None:
            return theirs
        self.place.put(mine, self.sign, _platform(self.path_of(below[0].digest)))
        return self._there_already(mine) or mine

    def _there_already(self, mine: SharedResult) -> SharedResult | None:
        try:
            return self.place.result(mine.key)
        except BadRecord:
            return None

    def _send(self, blob: Blob, *, anew: bool) -> None:
        # Results share layers: each is sent once.
        with self._sending.setdefault(blob.digest, threading.Lock()):
            if blob.digest not in self._there:
                opened = file_opener(self.path_of(blob.digest))
                mount_from = "" if anew else self.mount_from
                self.place.moving.push_blob(blob, opened, mount_from=mount_from, anew=anew)
                self._there.add(blob.digest)


def _platform(config: str) -> dict[str, str]:
    """What the configuration of an image says of its platform."""
    with open(config, "rb") as file:
        said = json.loads(file.read())
    return {name: str(said.get(name, "")) for name in ("architecture", "os")}
