"""A repository with shared results, and how they are read and written there."""

from collections.abc import Mapping
from dataclasses import dataclass

from buildsys.execution.ports import SharedResult
from buildsys.model.digest import ActionKey
from buildsys.registry import records
from buildsys.registry.client import INDEX_TYPE, RegistryClient
from buildsys.registry.records import Signer, Verifier, tag_of

TRANSFERS = 4
"""How many blobs move at a time."""


@dataclass(frozen=True, slots=True)
class Place:
    """`asking` is impatient, `moving` has time; both are of the same repository."""

    namespace: str
    asking: RegistryClient
    moving: RegistryClient
    verify: Verifier

    def result(self, key: ActionKey) -> SharedResult | None:
        """What is under the key's tag.

        Raises:
            BadRecord: nothing that is to be trusted.
            RegistryTrouble: the registry doesn't say.
        """
        stored = self.asking.manifest(tag_of(key), (INDEX_TYPE,))
        if stored is None:
            return None
        return records.decode(stored.content, key, self.namespace, self.verify)

    def put(self, found: SharedResult, sign: Signer | None, platform: Mapping[str, str]) -> None:
        """Set the key's tag; the image has to be there.

        Raises:
            RegistryTrouble: the registry doesn't take it.
        """
        index = records.encode(found, self.namespace, sign, platform)
        self.moving.put_manifest(tag_of(found.key), index, INDEX_TYPE)
