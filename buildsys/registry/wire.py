"""HTTP with one registry: TLS, login, redirects, retries. Knows nothing of images.

Authorization goes to the registry itself and nowhere else; redirects are followed for reading only, and not to
where TLS or loopback ends. Nothing that is said of trouble has a URL in it: there are secrets in URLs.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, TypeVar
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from buildsys import __version__
from buildsys.registry.credentials import Credentials
from buildsys.registry.login import Login
from buildsys.registry.proxies import proxy_for
from buildsys.registry.refusals import MOST_SAID, cause, refusal, retry_after
from buildsys.registry.repository import Repository, is_loopback
from buildsys.registry.trouble import RegistryTrouble

T = TypeVar("T")

CONNECTIONS = 32
_MOST_HOPS = 4
_UNAUTHORIZED, _NOT_FOUND = 401, 404
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""What may be better a moment later."""

Body = Callable[[], BinaryIO | bytes]
"""Opens what is sent, once for each try."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited for a registry. `answer_s` is for each piece of an answer."""

    connect_s: float = 5.0
    answer_s: float = 30.0
    tries: int = 3
    pause_s: float = 0.2
    longest_pause_s: float = 20.0


@dataclass(frozen=True, slots=True)
class Request:
    """`target` is a path, or a URL that the registry gave us."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None
    expected: tuple[int, ...] = (200,)
    may_lack: bool = False
    """404 is an answer like another."""
    once: bool = False
    """Not to be repeated as it is."""


class Wire:
    """Requests to the registry of one repository, from any number of threads."""

    def __init__(
        self,
        repository: Repository,
        credentials: Credentials,
        scopes: tuple[str, ...],
        *,
        patience: Patience,
        environment: Mapping[str, str],
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.repository = repository
        self._patience = patience
        self._pause = pause
        self._pool = _pool(repository, patience, environment)
        self._login = Login(repository, credentials, scopes, self._exchange)

    def close(self) -> None:
        self._pool.clear()

    def ask(self, request: Request, use: Callable[[urllib3.BaseHTTPResponse], T]) -> T | None:
        """What `use` makes of the answer; None for a 404 that may be.

        `use` reads the body, and runs anew if the answer breaks off or makes no sense (ValueError).

        Raises:
            RegistryTrouble: there is no such answer, after all tries.
        """
        tries = 1 if request.once else self._patience.tries
        for again in range(tries):
            pause_s = self._patience.pause_s * 4**again
            try:
                answer = self._answer(request)
                with _released(answer):
                    if answer.status in request.expected:
                        return use(answer)
                    if answer.status == _NOT_FOUND and request.may_lack:
                        return None
                    trouble = refusal(self.repository, request.method, answer)
                    pause_s = retry_after(answer.headers.get("Retry-After", ""), pause_s)
            except (HTTPError, ValueError) as error:
                trouble = RegistryTrouble(
                    f"the registry {self.repository.host} doesn't answer: {cause(error)}"
                )
            hopeless = trouble.status and trouble.status not in _PASSING
            if hopeless or again + 1 == tries or pause_s > self._patience.longest_pause_s:
                raise trouble
            self._pause(pause_s)
        raise AssertionError

    def _answer(self, request: Request) -> urllib3.BaseHTTPResponse:
        used = self._login.header
        answer = self._following(request, used)
        if answer.status != _UNAUTHORIZED:
            return answer
        _drain(answer)
        renewed = self._login.renewed(answer.headers.get("WWW-Authenticate", ""), used)
        return self._following(request, self._login.header) if renewed else answer

    def _following(self, request: Request, authorization: str) -> urllib3.BaseHTTPResponse:
        url = urljoin(f"{self.repository.origin}/", request.target)
        for _ in range(_MOST_HOPS):
            self._check(url)
            answer = self._sent(request, url, authorization)
            location = answer.get_redirect_location()
            if not location:
                return answer
            _drain(answer)
            if request.method not in {"GET", "HEAD"}:
                raise RegistryTrouble(
                    f"the registry {self.repository.host} redirects what it is sent", status=300
                )
            url = urljoin(url, location)
        raise RegistryTrouble(
            f"the registry {self.repository.host} redirects us on and on", status=300
        )

    def _sent(self, request: Request, url: str, authorization: str) -> urllib3.BaseHTTPResponse:
        headers = {"User-Agent": f"buildsys/{__version__}", "Accept-Encoding": "identity"}
        headers |= request.headers
        if authorization and _origin(url) == self.repository.origin:
            headers["Authorization"] = authorization
        body = request.body() if request.body is not None else None
        try:
            return self._pool.request(
                request.method, url, headers=headers, body=body, redirect=False, retries=False,
                preload_content=False, decode_content=False,
            )  # fmt: skip
        finally:
            if body is not None and not isinstance(body, bytes):
                body.close()

    def _check(self, url: str) -> None:
        """TLS, or the registry itself, or within this machine."""
        found = urlsplit(url)
        local, at_home = is_loopback(found.netloc), is_loopback(self.repository.host)
        own = _origin(url) == self.repository.origin
        if not own and (local != at_home or not (local or found.scheme == "https")):
            raise RegistryTrouble(
                f"the registry {self.repository.host} sends us to {found.scheme}://{found.hostname},"
                " which isn't safe",
                status=300,
            )

    def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[int, bytes]:
        answer = self._pool.request(
            method, url, headers=headers, body=body, redirect=False, retries=False,
            preload_content=False, decode_content=False,
        )  # fmt: skip
        with _released(answer):
            return answer.status, answer.read(MOST_SAID)


class _released:  # noqa: N801 - reads like a function where it is used
    """The connection is used again if the answer was read to its end, else closed."""

    def __init__(self, answer: urllib3.BaseHTTPResponse) -> None:
        self._answer = answer

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None:
        _drain(self._answer)


def _drain(answer: urllib3.BaseHTTPResponse) -> None:
    try:
        answer.read(MOST_SAID)
        whole = answer.read(1) == b""
    except (HTTPError, OSError, ValueError):
        whole = False
    if whole:
        answer.release_conn()
    else:
        answer.close()


def _pool(
    repository: Repository, patience: Patience, environment: Mapping[str, str]
) -> urllib3.PoolManager:
    timeout = urllib3.Timeout(connect=patience.connect_s, read=patience.answer_s)
    proxy = proxy_for(repository.origin, environment)
    if proxy:
        return urllib3.ProxyManager(proxy, timeout=timeout, maxsize=CONNECTIONS)
    return urllib3.PoolManager(timeout=timeout, maxsize=CONNECTIONS)


def _origin(url: str) -> str:
    found = urlsplit(url)
    return f"{found.scheme}://{found.netloc}"
