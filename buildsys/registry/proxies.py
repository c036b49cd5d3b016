"""The proxy between us and a registry, by the usual variables."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from buildsys.registry.repository import is_loopback


def proxy_for(origin: str, environment: Mapping[str, str]) -> str:
    """URL of the proxy, "" if there is none; nobody stands between this machine and itself."""
    found = urlsplit(origin)
    lower = {name.lower(): value for name, value in environment.items() if value}
    proxy = lower.get(f"{found.scheme}_proxy", "")
    if not proxy or is_loopback(found.netloc):
        return ""
    from urllib.request import proxy_bypass  # noqa: PLC0415 - only behind a proxy

    if proxy_bypass(found.netloc, {"no": lower.get("no_proxy", "")}):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"
