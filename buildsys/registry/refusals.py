"""What a registry's refusal says, for people: its status and its own words, never a URL."""

import json
import time
from email.utils import parsedate_to_datetime

import urllib3
from urllib3.exceptions import HTTPError

from buildsys.registry.repository import Repository
from buildsys.registry.trouble import RegistryTrouble

MOST_SAID = 64 << 10


def refusal(
    repository: Repository, method: str, answer: urllib3.BaseHTTPResponse
) -> RegistryTrouble:
    said = _said(answer)
    in_short = {401: "doesn't let us in", 403: "doesn't allow it", 429: "is asked too much"}
    what = in_short.get(answer.status, f"failed to {method}")
    login = answer.status in {401, 403}
    return RegistryTrouble(
        f"the registry {repository.host} {what} (status {answer.status}{said})",
        status=answer.status,
        hint=f"docker login {repository.host}" if login else "",
    )


def _said(answer: urllib3.BaseHTTPResponse) -> str:
    """The registry's own code and words, if it has any."""
    try:
        (first, *_) = json.loads(answer.read(MOST_SAID))["errors"]
        said = f"{first['code']}: {first['message']}"
    except (HTTPError, ValueError, KeyError, TypeError):
        return ""
    return f", {said[:200]}" if said.isprintable() else ""


def retry_after(value: str, otherwise: float) -> float:
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError, TypeError):
        return otherwise


def cause(error: Exception) -> str:
    """The innermost reason, without URLs."""
    while isinstance(error.__context__, Exception):
        error = error.__context__
    text = str(error)
    return type(error).__name__ if "://" in text or "Bearer" in text else text[:200]
