"""Where images are in a registry: host, name, and whether it is spoken to without TLS."""

import re
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from buildsys.errors import UsageError

DOCKER_HUB = "docker.io"
_DOCKER_HUB_HOST = "registry-1.docker.io"
_REPOSITORY = re.compile(
    r"(?P<scheme>https?://)?(?P<host>[A-Za-z0-9.-]+(?::\d{1,5})?|\[[0-9a-f:]+\](?::\d{1,5})?)/"
    r"(?P<name>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)"
)


@dataclass(frozen=True, slots=True)
class Repository:
    """`host/name`. `plain` is http without TLS: only for loopback, or where `http://` is written."""

    host: str
    name: str
    plain: bool = False

    @staticmethod
    def parse(text: str) -> "Repository":
        """Parse `[http://]host[:port]/name`.

        Raises:
            UsageError: it isn't that.
        """
        found = _REPOSITORY.fullmatch(text)
        if found is None:
            raise UsageError(
                f"`{text}` names no repository of a registry",
                hint="for example `registry.example.com/team/cache`",
            )
        return Repository.at(found["host"], found["name"], plain=found["scheme"] == "http://")

    @staticmethod
    def at(host: str, name: str, *, plain: bool = False) -> "Repository":
        return Repository(host, name, plain or is_loopback(host))

    def below(self, name: str) -> "Repository":
        """The repository of this name below this one."""
        return replace(self, name=f"{self.name}/{name}")

    @property
    def origin(self) -> str:
        """Scheme and host of its URLs."""
        host = _DOCKER_HUB_HOST if self.host == DOCKER_HUB else self.host
        return f"{'http' if self.plain else 'https'}://{host}"

    def __str__(self) -> str:
        return f"{self.host}/{self.name}"


def is_loopback(host: str) -> bool:
    """Whether `host[:port]` is this machine."""
    name = urlsplit(f"//{host}").hostname or ""
    return name in {"localhost", "::1"} or re.fullmatch(r"127(\.\d{1,3}){3}", name) is not None
