"""What is known of Go modules, a small file each: `facts/AB/NAME`; NAME is the hash of all that it depends on.

A file has the SHA-256 of the rest in its first line, then JSON: package → imports. One that is lost, cut or
changed is unknown again.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass

from buildsys.model.sources import GoModule, Imports
from buildsys.sights import Sights
from buildsys.store import durable

_DOMAIN = b"buildsys module facts 1\0"


@dataclass(frozen=True, slots=True)
class StoredFacts:
    """The port `ModuleFacts`, over files below `root`.

    `toolchains` has the digests of the builders: which files of a package count depends on the version of Go.
    """

    root: str
    toolchains: Mapping[str, str]
    platform: str
    tags: tuple[str, ...]
    sights: Sights

    def imports(self, builder: str, module: GoModule) -> Imports | None:
        if builder not in self.toolchains:
            return None
        path = self._path(builder, module)
        content = durable.read(path) if self.sights.look(path, replaced=True) else None
        checksum, _, payload = (content or b"").partition(b"\n")
        if hashlib.sha256(payload).hexdigest().encode() != checksum:
            return None
        return {package: tuple(imports) for package, imports in json.loads(payload).items()}

    def learn(self, builder: str, found: Mapping[GoModule, Imports]) -> None:
        """Keep what was found.

        Raises:
            MachineError: it can't be written.
        """
        for module, imports in found.items():
            path = self._path(builder, module)
            payload = json.dumps(imports, sort_keys=True, separators=(",", ":")).encode()
            content = hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload
            if durable.read(path) != content:
                with durable.cannot_write(path):
                    os.makedirs(os.path.dirname(path), exist_ok=True)
                durable.write(path, content)

    def _path(self, builder: str, module: GoModule) -> str:
        said = [
            self.toolchains[builder], self.platform, self.tags,
            module.path, module.source, module.version, module.sums,
        ]  # fmt: skip
        name = hashlib.sha256(_DOMAIN + json.dumps(said).encode()).hexdigest()
        return os.path.join(self.root, "facts", name[:2], name)
