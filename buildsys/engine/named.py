"""Engines that somebody else runs: their addresses, and the certificates to reach them with."""

import os
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from buildsys.errors import UsageError
from buildsys.loading.settings import ADDRESS, MOST_SOLVES
from buildsys.model.target import EngineSettings

SHARED_SOLVES = 4
"""At a time on each of several engines, where nothing else is said: what is more goes to the next one."""
_PAIRS = (("ca.pem", "ca.crt"), ("cert.pem", "tls.crt"), ("key.pem", "tls.key"))
"""As buildctl looks for them: the names of its own examples, else those of a Kubernetes secret."""


def chosen(settings: EngineSettings, environment: Mapping[str, str], root: str) -> EngineSettings:
    """What the environment says of engines, else what the workspace at `root` says.

    Raises:
        UsageError: an address or a certificate can't be used; nobody was asked yet.
    """
    several = environment.get("BS_ENGINES", "").replace(" ", "").strip(",")
    one = environment.get("BUILDKIT_HOST", "")
    addresses = tuple(several.split(",")) if several else (one,) if one else settings.addresses
    certificates = environment.get("BS_ENGINES_CERTIFICATES") or settings.certificates
    found = replace(
        settings,
        addresses=tuple(dict.fromkeys(addresses)),
        certificates=os.path.join(root, os.path.expanduser(certificates)) if certificates else "",
        server_name=environment.get("BS_ENGINES_SERVER_NAME") or settings.server_name,
        solves=_solves(environment.get("BS_ENGINES_SOLVES", "")) or settings.solves,
    )
    if found.addresses:
        _check(found)
    return found


def solves_at_once(settings: EngineSettings) -> int | None:
    """How many solves each engine gets at a time; None if as many as there are."""
    return settings.solves or (SHARED_SOLVES if len(settings.addresses) > 1 else None)


def security(settings: EngineSettings, address: str) -> tuple[str, ...]:
    """The options of buildctl for the connection to an engine."""
    if not settings.certificates or urlsplit(address).scheme != "tcp":
        return ()
    name = ("--tlsservername", settings.server_name) if settings.server_name else ()
    return ("--tlsdir", settings.certificates, *name)


def _check(settings: EngineSettings) -> None:
    for address in settings.addresses:
        if not ADDRESS.fullmatch(address):
            raise UsageError(
                f"{address!r} is no address of a BuildKit",
                hint="write tcp://HOST:PORT, unix:///PATH, kube-pod://POD or docker-container://NAME",
            )
        if not settings.certificates and not _stays_here(address):
            raise UsageError(
                f"{address} is refused without TLS: whoever reaches it could read and change builds",
                hint="name a folder with ca.pem, cert.pem and key.pem: `certificates` of `engine` in"
                " the root BUILD.yaml, or BS_ENGINES_CERTIFICATES",
            )
    folder = settings.certificates
    needed = any(security(settings, address) for address in settings.addresses)
    for names in _PAIRS if needed else ():
        if not any(os.path.isfile(os.path.join(folder, name)) for name in names):
            raise UsageError(
                f"the certificates for engines lack {' or '.join(names)}: {folder}",
                hint="`deploy/certificates` makes such folders",
            )


def _stays_here(address: str) -> bool:
    """Whether what is sent there passes no network, or is encrypted by who carries it."""
    import ipaddress  # noqa: PLC0415 - 5 ms, and few name any address

    parts = urlsplit(address)
    if parts.scheme != "tcp" or parts.hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def _solves(text: str) -> int | None:
    if not text:
        return None
    if not text.isdecimal() or not 1 <= int(text) <= MOST_SOLVES:
        raise UsageError(f"BS_ENGINES_SOLVES has to be a number from 1 to {MOST_SOLVES}: {text!r}")
    return int(text)
