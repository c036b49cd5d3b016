"""Asks an OCI registry for the digest behind an image reference."""

import os
import re
from dataclasses import dataclass

from buildsys.errors import MachineError, UsageError
from buildsys.registry.client import DOCKER_TYPES, INDEX_TYPE, MANIFEST_TYPE, open_client
from buildsys.registry.repository import DOCKER_HUB, Repository
from buildsys.registry.wire import Patience

_PATIENCE = Patience(connect_s=3.0, answer_s=10.0, tries=1)
"""A place without registries is recognised in seconds."""
_TYPES = (INDEX_TYPE, MANIFEST_TYPE, *DOCKER_TYPES)
_REFERENCE = re.compile(
    r"(?:(?P<host>[^/]*[.:][^/]*|localhost)/)?(?P<name>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)"
    r"(?::(?P<tag>[\w][\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@dataclass(frozen=True, slots=True)
class Reference:
    """`host/name:tag`, with Docker's defaults made explicit."""

    host: str
    name: str
    tag: str = "latest"
    digest: str = ""

    @staticmethod
    def parse(text: str) -> "Reference":
        """Parse an image reference.

        Raises:
            UsageError: it isn't one.
        """
        found = _REFERENCE.fullmatch(text)
        if found is None:
            raise UsageError(
                f"`{text}` is not an image reference", hint="for example `alpine:3.22`"
            )
        host = found["host"] or DOCKER_HUB
        name = found["name"]
        if host == DOCKER_HUB and "/" not in name:
            name = f"library/{name}"
        return Reference(host, name, found["tag"] or "latest", found["digest"] or "")

    def pinned(self, digest: str) -> str:
        return f"{self.host}/{self.name}:{self.tag}@{digest}"


def resolve(image: str) -> str:
    """`host/name:tag@sha256:…` for what the reference points to now.

    Raises:
        MachineError: the registry doesn't answer, or not with a manifest.
    """
    reference = Reference.parse(image)
    if reference.digest:
        return reference.pinned(reference.digest)
    repository = Repository.at(reference.host, reference.name)
    client = open_client(repository, os.environ, patience=_PATIENCE)
    try:
        found = client.manifest(reference.tag, _TYPES)
    finally:
        client.close()
    if found is None:
        raise MachineError(
            f"the registry has no `{reference.host}/{reference.name}:{reference.tag}`"
        )
    return reference.pinned(found.digest)
