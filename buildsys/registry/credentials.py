"""Credentials from Docker's configuration: config.json and the helpers that it names.

They are handed out for the host that they are for, and never printed.
"""

import base64
import binascii
import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from buildsys.registry.repository import DOCKER_HUB

_HELPER_S = 15.0
_HELPER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_DOCKER_HUB_KEY = "index.docker.io"
_TOKEN_USER = "<token>"  # noqa: S105 - what helpers give instead of a name


@dataclass(frozen=True, slots=True)
class Credential:
    """A name with a password, or a token to get others with."""

    user: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)

    @property
    def basic(self) -> str:
        """The header's value for HTTP basic authentication."""
        pair = f"{self.user}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"


Credentials = Callable[[str], Credential | None]
"""Host → what to log in with there, if anything is known."""


def no_credentials(_host: str) -> None:
    return None


@dataclass(frozen=True, slots=True)
class DockerCredentials:
    """`Credentials` from `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`."""

    environment: Mapping[str, str]

    def __call__(self, host: str) -> Credential | None:
        config = self._config()
        wanted = _DOCKER_HUB_KEY if host == DOCKER_HUB else host
        helpers = config.get("credHelpers")
        named = helpers.get(wanted) if isinstance(helpers, dict) else None
        helper = named or config.get("credsStore")
        found = self._asked(helper, wanted) if isinstance(helper, str) else None
        return found or _stored(config.get("auths"), wanted)

    def _config(self) -> dict[str, Any]:
        folder = self.environment.get("DOCKER_CONFIG") or os.path.join(
            self.environment.get("HOME") or os.path.expanduser("~"), ".docker"
        )
        try:
            with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
                config = json.load(file)
        except (OSError, ValueError):
            return {}
        return config if isinstance(config, dict) else {}

    def _asked(self, helper: str, host: str) -> Credential | None:
        if not _HELPER_NAME.fullmatch(helper):
            return None
        server = f"https://{host}/v1/" if host == _DOCKER_HUB_KEY else host
        try:
            done = subprocess.run(
                [f"docker-credential-{helper}", "get"],
                input=server,
                env=dict(self.environment),
                check=True,
                capture_output=True,
                text=True,
                timeout=_HELPER_S,
            )
            said = json.loads(done.stdout)
            user, secret = str(said["Username"]), str(said["Secret"])
        except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
            return None
        if user == _TOKEN_USER:
            return Credential(identity_token=secret)
        return Credential(user, secret) if secret else None


def _stored(auths: object, host: str) -> Credential | None:
    if not isinstance(auths, dict):
        return None
    for key, entry in auths.items():
        if isinstance(entry, dict) and _host_of(str(key)) == host:
            found = _entry(entry)
            if found is not None:
                return found
    return None


def _entry(entry: Mapping[str, object]) -> Credential | None:
    token = entry.get("identitytoken")
    if isinstance(token, str) and token:
        return Credential(identity_token=token)
    user, password = entry.get("username"), entry.get("password")
    if not (isinstance(user, str) and isinstance(password, str)):
        try:
            pair = base64.b64decode(str(entry.get("auth", "")), validate=True).decode()
        except (binascii.Error, UnicodeError):
            return None
        user, _, password = pair.rstrip("\0").partition(":")
    return Credential(user, password) if user and password else None


def _host_of(key: str) -> str:
    """Keys of `auths` may be URLs."""
    return key.removeprefix("https://").removeprefix("http://").partition("/")[0]
