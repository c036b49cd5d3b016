"""What the environment may change."""

from collections.abc import Mapping
from dataclasses import dataclass

from agent_runner.durations import parse_duration_s

_LEVELS = ("debug", "info", "warn", "error")


@dataclass(frozen=True, slots=True)
class Settings:
    host: str
    port: int
    log_level: str
    shutdown_timeout_s: float
    max_body_bytes: int


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Raise ValueError naming the variable that can't be understood."""
    log_level = (environment.get("LOG_LEVEL") or "info").lower()
    if log_level not in _LEVELS:
        raise ValueError(f"LOG_LEVEL: `{log_level}` is none of {', '.join(_LEVELS)}")
    return Settings(
        host=environment.get("HOST") or "0.0.0.0",  # all interfaces: it is served from a container
        port=_number(environment, "PORT", 8081, at_most=65535),
        log_level=log_level,
        shutdown_timeout_s=_duration_s(environment, "SHUTDOWN_TIMEOUT", "10s"),
        # A prompt may hold several bodies of http-worker, each up to 1 MiB.
        max_body_bytes=_number(environment, "MAX_BODY_BYTES", 4 << 20, at_most=1 << 30),
    )


def _number(environment: Mapping[str, str], name: str, default: int, *, at_most: int) -> int:
    text = environment.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and 0 <= int(text) <= at_most):
        raise ValueError(f"{name}: `{text}` is not a number from 0 to {at_most}")
    return int(text)


def _duration_s(environment: Mapping[str, str], name: str, default: str) -> float:
    try:
        return parse_duration_s(environment.get(name) or default)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
