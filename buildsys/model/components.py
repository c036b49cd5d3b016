"""What images are made of that others wrote: the components that a bill of materials names."""

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

from buildsys.model.digest import Digest


class Ecosystem(StrEnum):
    """Where a component comes from, as package URLs call it (purl-spec, types)."""

    GO = "golang"
    PYTHON = "pypi"
    RUST = "cargo"
    DEBIAN = "deb"
    ALPINE = "apk"


@dataclass(frozen=True, slots=True)
class Component:
    """A module, distribution, crate or package of one version."""

    ecosystem: Ecosystem
    name: str
    version: str
    distribution: str = ""
    """Of Debian's and Alpine's packages: `debian`, `alpine`, …"""
    architecture: str = ""
    checksum: Digest | None = None
    """Of the archive that it comes in."""
    sum: str = ""
    """Go's own hash of a module's files, as in go.sum."""
    licence: str = ""
    """An SPDX licence expression, where the component says one."""
    origin: str = ""
    """URL of the archive."""
    found: bool = True
    """It is in the image for certain; else a lock file says that the program may have it."""

    @property
    def purl(self) -> str:
        """Its package URL."""
        name = self.name.lower() if self.ecosystem is Ecosystem.GO else self.name
        if self.ecosystem is Ecosystem.PYTHON:
            name = name.lower().replace("_", "-")
        path = "/".join(quote(part, safe="") for part in name.split("/"))
        space = f"{self.distribution}/" if self.distribution else ""
        choice = f"?arch={self.architecture}" if self.architecture else ""
        return f"pkg:{self.ecosystem}/{space}{path}@{quote(self.version, safe='')}{choice}"

    @property
    def place(self) -> tuple[str, str]:
        """Where it stands among others."""
        return self.purl, self.sum
