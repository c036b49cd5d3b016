"""Logging in: HTTP basic authentication, or a token from the server that the registry names.

See https://distribution.github.io/distribution/spec/auth/token/. One login serves all threads.
"""

import json
import re
import threading
from collections.abc import Callable, Mapping
from urllib.parse import urlencode, urlsplit

from buildsys.registry.credentials import Credential, Credentials
from buildsys.registry.repository import Repository, is_loopback
from buildsys.registry.trouble import RegistryTrouble

_CLIENT = "buildsys"
_OK, _UNAUTHORIZED = 200, 401

Exchange = Callable[[str, str, Mapping[str, str], bytes | None], tuple[int, bytes]]
"""Method, URL, headers and body → status and body, without authorization of its own."""


class Login:
    """The Authorization header for one repository."""

    def __init__(
        self,
        repository: Repository,
        credentials: Credentials,
        scopes: tuple[str, ...],
        exchange: Exchange,
    ) -> None:
        self._repository = repository
        self._credentials = credentials
        self._scopes = scopes
        self._exchange = exchange
        self._lock = threading.Lock()
        self.header = ""

    def renewed(self, challenge: str, used: str) -> bool:
        """Whether there is another header now than the one that was `used` and refused.

        Raises:
            RegistryTrouble: the token server doesn't give any.
        """
        with self._lock:
            if self.header != used:
                return True
            self.header = self._answer_to(challenge)
            return bool(self.header) and self.header != used

    def _answer_to(self, challenge: str) -> str:
        scheme, _, rest = challenge.partition(" ")
        credential = self._credentials(self._repository.host)
        if scheme.lower() == "basic":
            return credential.basic if credential and credential.user else ""
        fields = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        if scheme.lower() != "bearer" or "realm" not in fields:
            return ""
        return f"Bearer {self._token(fields, credential)}"

    def _token(self, fields: Mapping[str, str], credential: Credential | None) -> str:
        realm = fields["realm"]
        self._check(realm)
        asked = [("service", fields.get("service", "")), *(("scope", s) for s in self._scopes)]
        headers: dict[str, str] = {}
        if credential is not None and credential.identity_token:
            asked += [("grant_type", "refresh_token"), ("client_id", _CLIENT)]
            asked += [("refresh_token", credential.identity_token)]
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            status, body = self._exchange("POST", realm, headers, urlencode(asked).encode())
        else:
            if credential is not None:
                headers["Authorization"] = credential.basic
            joint = "&" if urlsplit(realm).query else "?"
            status, body = self._exchange("GET", f"{realm}{joint}{urlencode(asked)}", headers, None)
        token = _token_in(body) if status == _OK else ""
        if not token:
            raise RegistryTrouble(
                f"the registry {self._repository.host} doesn't let us in (status {status})",
                status=_UNAUTHORIZED,
                hint=f"docker login {self._repository.host}",
            )
        return token

    def _check(self, realm: str) -> None:
        """Credentials go over TLS, or nowhere else than where they would go anyhow."""
        found = urlsplit(realm)
        own = f"{found.scheme}://{found.netloc}" == self._repository.origin
        local = is_loopback(found.netloc) and is_loopback(self._repository.host)
        if not (found.scheme == "https" or own or (local and found.scheme == "http")):
            raise RegistryTrouble(
                f"the registry {self._repository.host} sends us to an unsafe token server"
            )


def _token_in(body: bytes) -> str:
    try:
        said = json.loads(body)
    except ValueError:
        return ""
    token = (said.get("token") or said.get("access_token")) if isinstance(said, dict) else None
    # A line break in it would begin a header of its own.
    return token if isinstance(token, str) and token.isprintable() else ""
