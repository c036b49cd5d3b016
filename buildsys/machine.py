"""What doesn't depend on a workspace: the clock, the store and the engine of this user."""

import os
import platform as machine
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from buildsys.events import EventSink, Noted, Warned
from buildsys.model.target import EngineSettings
from buildsys.rules.go_stages import TAGS
from buildsys.sights import Sights
from buildsys.store.disk_store import DiskStore
from buildsys.store.module_facts import StoredFacts
from buildsys.tracing import UNTRACED, Tracer

if TYPE_CHECKING:
    from buildsys.engine.daemon import Daemon
    from buildsys.engine.locate import EngineLocator

NO_ENGINES = EngineSettings()
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


class SystemClock:
    """The port `Clock`."""

    def monotonic(self) -> float:
        return time.monotonic()


def cache_folder(environment: Mapping[str, str]) -> str:
    """Where bs keeps its state: `$BS_CACHE_DIR`, else `$XDG_CACHE_HOME/bs`, else `~/.cache/bs`."""
    chosen = environment.get("BS_CACHE_DIR")
    if chosen:
        return os.path.abspath(chosen)
    above = environment.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(above, "bs")


@dataclass
class Machine:
    """What doesn't depend on a workspace: the store and the engine of this user."""

    environment: Mapping[str, str]
    sink: EventSink
    tools: str = ""
    """Folder of BuildKit's programs, by default one below the cache folder."""
    sights: Sights = field(default_factory=Sights)
    said: bool = False
    """Whether there was anything to warn of or to note."""
    tracer: Tracer = UNTRACED

    @cached_property
    def cache_folder(self) -> str:
        return cache_folder(self.environment)

    @cached_property
    def platform(self) -> str:
        name = machine.machine()
        return f"linux/{_MACHINES.get(name, name)}"

    @cached_property
    def store(self) -> DiskStore:
        return DiskStore(
            os.path.join(self.cache_folder, "store"), self.platform, self.warn, self.sights
        )

    @property
    def ca_bundle(self) -> str:
        """The certificates of this machine; "" if there are none."""
        named = self.environment.get("SSL_CERT_FILE") or _CA_BUNDLE
        return named if os.path.isfile(named) else ""

    @property
    def proxies(self) -> dict[str, str]:
        """The variables that name proxies."""
        environment = self.environment
        return {name: environment[name] for name in _PROXIES if environment.get(name)}

    def module_facts(self, bases: Mapping[str, str], platform: str = "") -> StoredFacts:
        """What is known of Go modules; `bases` are the toolchains among others."""
        toolchains = {name: reference.rpartition("@")[2] for name, reference in bases.items()}
        return StoredFacts(
            self.store.layout, toolchains, platform or self.platform, TAGS, self.sights
        )

    @cached_property
    def daemon(self) -> "Daemon":
        from buildsys.engine.daemon import Daemon  # noqa: PLC0415 - a no-op needs no engine
        from buildsys.engine.provision import Toolbox  # noqa: PLC0415

        folder = os.path.join(self.cache_folder, "engine")
        tools = self.tools or os.path.join(folder, "bin")
        return Daemon(folder, Toolbox(tools, self.environment.get("PATH", ""), self.note))

    def beside(self, folder: str) -> "Machine":
        """This machine with a store and a private engine of its own in `folder`, both empty."""
        environment = {**self.environment, "BS_CACHE_DIR": folder, "BS_CACHE": "remote:off"}
        other = Machine(environment, self.sink, self.daemon.toolbox.folder)
        environment |= {"BUILDKIT_HOST": other.daemon.address, "BS_ENGINES": ""}
        return other

    def locator(self, configured: EngineSettings = NO_ENGINES, root: str = "") -> "EngineLocator":
        """Finds engines, those `configured` by the workspace at `root` among others.

        Raises:
            UsageError: an address or a certificate that is named can't be used.
        """
        from buildsys.engine.locate import EngineLocator  # noqa: PLC0415
        from buildsys.engine.named import chosen  # noqa: PLC0415

        named = chosen(configured, self.environment, root)
        return EngineLocator(named, self.daemon, self.environment, self.note, self.tracer)

    def warn(self, message: str) -> None:
        self.said = True
        self.sink.emit(Warned(message))

    def note(self, message: str) -> None:
        self.said = True
        self.sink.emit(Noted(message))
