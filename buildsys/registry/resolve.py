"""Asks an OCI registry for the digest behind a reference (distribution-spec, `GET /v2/NAME/manifests/REF`).

Credentials come from Docker's configuration, are sent to their own registry and its token server only, and
never over plain http, except to loopback.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from buildsys.errors import MachineError, UsageError
from buildsys.model.digest import digest_of, is_digest

if TYPE_CHECKING:
    import requests

TIMEOUT_S = (3.0, 10.0)
"""To connect and to answer: a place without registries is recognised in seconds."""
_LARGEST_MANIFEST = 4 << 20
_MANIFEST_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_REFERENCE = re.compile(
    r"(?:(?P<host>[^/]*[.:][^/]*|localhost)/)?(?P<name>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)"
    r"(?::(?P<tag>[\w][\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_DOCKER_HUB = "docker.io"
_DOCKER_HUB_HOST = "registry-1.docker.io"


@dataclass(frozen=True, slots=True)
class Reference:
    """`host/name:tag`, with Docker's defaults made explicit."""

    host: str
    name: str
    tag: str = "latest"
    digest: str = ""

    @staticmethod
    def parse(text: str) -> "Reference":
        """Parse an image reference.

        Raises:
            UsageError: it isn't one.
        """
        found = _REFERENCE.fullmatch(text)
        if found is None:
            raise UsageError(
                f"`{text}` is not an image reference", hint="for example `alpine:3.22`"
            )
        host = found["host"] or _DOCKER_HUB
        name = found["name"]
        if host == _DOCKER_HUB and "/" not in name:
            name = f"library/{name}"
        return Reference(host, name, found["tag"] or "latest", found["digest"] or "")

    def pinned(self, digest: str) -> str:
        return f"{self.host}/{self.name}:{self.tag}@{digest}"


def resolve(image: str) -> str:
    """`host/name:tag@sha256:…` for what the reference points to now.

    Raises:
        MachineError: the registry doesn't answer, or not with a manifest.
    """
    import requests  # noqa: PLC0415 - 100 ms, and only when a base isn't pinned yet

    reference = Reference.parse(image)
    if reference.digest:
        return reference.pinned(reference.digest)
    host = _DOCKER_HUB_HOST if reference.host == _DOCKER_HUB else reference.host
    scheme = "http" if _is_loopback(host) else "https"
    url = f"{scheme}://{host}/v2/{reference.name}/manifests/{reference.tag}"
    try:
        with requests.Session() as session:
            answer = _get(session, url, reference)
            return reference.pinned(_digest(answer, image))
    except requests.RequestException as error:
        raise MachineError(f"the registry of `{image}` doesn't answer: {_cause(error)}") from None


def _get(session: "requests.Session", url: str, reference: Reference) -> "requests.Response":
    headers = {"Accept": ", ".join(_MANIFEST_TYPES), "Accept-Encoding": "identity"}
    answer = session.get(url, headers=headers, timeout=TIMEOUT_S, stream=True)
    challenge = answer.headers.get("WWW-Authenticate", "")
    if answer.status_code == 401:  # noqa: PLR2004
        headers["Authorization"] = _authorization(session, challenge, reference)
        answer = session.get(url, headers=headers, timeout=TIMEOUT_S, stream=True)
    if not answer.ok:
        raise MachineError(
            f"the registry has no `{reference.host}/{reference.name}:{reference.tag}`"
            f" for us (status {answer.status_code})"
        )
    return answer


def _authorization(session: "requests.Session", challenge: str, reference: Reference) -> str:
    scheme, _, rest = challenge.partition(" ")
    credentials = _credentials(reference.host)
    if scheme.lower() == "basic" and credentials:
        import requests  # noqa: PLC0415

        request = requests.Request("GET", "https://registry", auth=credentials).prepare()
        return request.headers["Authorization"]
    fields = dict(re.findall(r'(\w+)="([^"]*)"', rest))
    realm = fields.get("realm", "")
    if urlsplit(realm).scheme != "https" and not _is_loopback(urlsplit(realm).netloc):
        raise MachineError(f"the registry {reference.host} sends us to an unsafe token server")
    parameters = {
        "scope": f"repository:{reference.name}:pull",
        "service": fields.get("service", ""),
    }
    answer = session.get(realm, params=parameters, auth=credentials, timeout=TIMEOUT_S)
    token = answer.json().get("token") or answer.json().get("access_token", "")
    return f"Bearer {token}"


def _credentials(host: str) -> tuple[str, str] | None:
    from docker.auth import load_config  # noqa: PLC0415

    known = load_config().resolve_authconfig(None if host == _DOCKER_HUB else host)
    if not known or not known.get("username"):
        return None
    return known["username"], known["password"]


def _digest(answer: "requests.Response", image: str) -> str:
    content = answer.raw.read(_LARGEST_MANIFEST + 1)
    if len(content) > _LARGEST_MANIFEST:
        raise MachineError(f"the manifest of `{image}` is larger than any manifest is")
    digest = digest_of(content)
    said = answer.headers.get("Docker-Content-Digest", digest)
    if said != digest or not is_digest(said):
        raise MachineError(f"the registry gives another digest for `{image}` than its bytes have")
    return digest


def _is_loopback(host: str) -> bool:
    name = urlsplit(f"//{host}").hostname or ""
    return name in {"localhost", "::1"} or name.startswith("127.")


def _cause(error: Exception) -> str:
    while error.__context__ is not None and isinstance(error.__context__, Exception):
        error = error.__context__
    return str(error)
