"""A registry over HTTP, and clients of it whose pauses are recorded instead of waited for."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import pytest

from buildsys.registry.client import RegistryClient
from buildsys.registry.credentials import Credential, Credentials, no_credentials
from buildsys.registry.repository import Repository
from buildsys.registry.wire import Patience, Wire
from tests.registry_server import RegistryServer, serving

QUICK = Patience(connect_s=5, answer_s=0.5, tries=3, pause_s=0.2, longest_pause_s=5)


@dataclass
class Clients:
    """Makes clients of the server, and keeps how long they would have paused."""

    server: RegistryServer
    pauses: list[float] = field(default_factory=list)
    made: list[RegistryClient] = field(default_factory=list)

    def __call__(
        self,
        name: str = "team/cache",
        *,
        credentials: Credentials = no_credentials,
        host: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> RegistryClient:
        repository = Repository.at(host or self.server.host, name)
        scopes = (f"repository:{name}:pull,push",)
        wire = Wire(
            repository, credentials, scopes, patience=QUICK, environment=environment or {},
            pause=self.pauses.append,
        )  # fmt: skip
        self.made.append(RegistryClient(wire))
        return self.made[-1]


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    with serving(RegistryServer()) as running:
        yield running


@pytest.fixture
def clients(server: RegistryServer) -> Iterator[Clients]:
    made = Clients(server)
    yield made
    for client in made.made:
        client.close()


def knowing(host: str) -> Callable[[str], Credential | None]:
    """Credentials for one host alone."""
    return lambda asked: Credential("me", "secret") if asked == host else None
