"""Targets: named things that a package declares, and what a workspace declares for all of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

from buildsys.errors import Location
from buildsys.model.label import Label

ROOT_BUILD_FILE = "BUILD.yaml"
PLATFORMS = ("linux/amd64", "linux/arm64", "linux/ppc64le", "linux/riscv64", "linux/s390x")
"""Those that one can build for on another: Go and OCI call their machines by the same names."""


@dataclass(frozen=True, slots=True)
class Healthcheck:
    """How a container of the image is asked whether it is well: by URL or by command."""

    http: str = ""
    command: tuple[str, ...] = ()
    interval: str = "30s"
    timeout: str = "3s"
    start_period: str = "5s"
    retries: int = 3


AttributeValue: TypeAlias = (
    str
    | int
    | bool
    | tuple[str, ...]
    | tuple[tuple[str, str], ...]
    | tuple[tuple[str, tuple[str, ...]], ...]
    | Healthcheck
    | None
)
"""A validated value: sizes are bytes, durations and labels are text in their canonical spelling."""


@dataclass(frozen=True, slots=True)
class Target:
    """One declared target; `attributes` has every attribute of its rule, defaults filled in."""

    label: Label
    rule: str
    attributes: Mapping[str, AttributeValue]
    deps: tuple[Label, ...] = ()
    at: Location = field(default=Location(ROOT_BUILD_FILE), compare=False)

    def text(self, name: str) -> str:
        value = self.attributes[name]
        assert isinstance(value, str)
        return value

    def number(self, name: str) -> int | None:
        value = self.attributes[name]
        assert value is None or isinstance(value, int)
        return value

    def strings(self, name: str) -> tuple[str, ...]:
        value = self.attributes[name]
        assert isinstance(value, tuple)
        return tuple(item for item in value if isinstance(item, str))

    def pairs(self, name: str) -> tuple[tuple[str, str], ...]:
        value = self.attributes[name]
        assert isinstance(value, tuple)
        return tuple(
            (item[0], item[1])
            for item in value
            if isinstance(item, tuple) and isinstance(item[1], str)
        )

    def file_lists(self, name: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
        value = self.attributes[name]
        assert isinstance(value, tuple)
        return tuple(
            (item[0], item[1])
            for item in value
            if isinstance(item, tuple) and isinstance(item[1], tuple)
        )

    def healthcheck(self) -> Healthcheck | None:
        value = self.attributes["healthcheck"]
        assert value is None or isinstance(value, Healthcheck)
        return value


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """A root file system made of Debian packages, for places without a registry.

    `variant` is mmdebstrap's: `minbase` installs a small Debian, `extract` only unpacks the packages
    and what they depend on. `trim` names paths, with `*`, that are removed afterwards; `links` makes
    symbolic links; `busybox` links every applet of the static busybox into /bin.
    """

    packages: tuple[str, ...]
    suite: str = "trixie"
    variant: str = "minbase"
    trim: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    busybox: bool = False


@dataclass(frozen=True, slots=True)
class Base:
    """A named base image: a reference in a registry, and how to do without one."""

    name: str
    image: str
    bootstrap: Bootstrap | None = None


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Engines that somebody runs; without any, bs finds or starts one."""

    addresses: tuple[str, ...] = ()
    certificates: str = ""
    """A folder with ours, its key and that of the authority; for engines that are reached by TCP."""
    server_name: str = ""
    """The name in the engines' certificates, where it isn't that in their addresses."""
    solves: int | None = None
    """How many each engine gets at a time."""


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """The cache that a team shares, and whose public keys its results have to be signed by, if any.

    Those of pull requests are apart from those of the main line. `max_bytes` and `max_age_s` are what `bs gc`
    leaves of the store here, unless it is told otherwise; None is no limit.
    """

    registry: str = ""
    signed_by: tuple[str, ...] = ()
    pull_requests_signed_by: tuple[str, ...] = ()
    max_bytes: int | None = None
    max_age_s: int | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """What the root BUILD.yaml says for the whole workspace."""

    name: str = "workspace"
    bases: Mapping[str, Base] = field(default_factory=lambda: MappingProxyType({}))
    engine: EngineSettings = EngineSettings()
    exclude: tuple[str, ...] = ()
    cache: CacheSettings = CacheSettings()


@dataclass(frozen=True, slots=True)
class Package:
    """One BUILD.yaml: the targets declared in a folder."""

    path: str
    targets: tuple[Target, ...]
