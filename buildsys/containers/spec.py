"""From a target and its image's configuration to the container that runs it."""

from collections.abc import Mapping, Sequence
from typing import Any

from buildsys.containers.container import ContainerSpec, Mount
from buildsys.errors import UsageError
from buildsys.model.target import Target


def container_spec(
    target: Target,
    image_config: Mapping[str, Any],
    *,
    arguments: Sequence[str] = (),
    environment: Sequence[str] = (),
    mounts: Sequence[str] = (),
    port: int | None = None,
) -> ContainerSpec:
    """The container of `target`, on `port` or its `run_port`; `arguments` take the place of the image's.

    `environment` are NAME=VALUE, `mounts` HOST:CONTAINER[:ro].

    Raises:
        UsageError: one of them is written differently.
    """
    config = image_config.get("config", {})
    port = port or target.number("run_port") or target.number("port")
    uid, gid = _account(str(config.get("User", "")))
    variables = dict(item.partition("=")[::2] for item in config.get("Env") or ())
    if port is not None:
        variables["PORT"] = str(port)
    variables |= dict(target.pairs("run_env")) | dict(map(_variable, environment))
    return ContainerSpec(
        name=target.label.name,
        command=(*(config.get("Entrypoint") or ()), *(arguments or config.get("Cmd") or ())),
        environment=tuple(sorted(variables.items())),
        uid=uid,
        gid=gid,
        folder=config.get("WorkingDir") or "/",
        health=_on_port(_health(config), target.number("port"), port),
        port=port,
        volumes=_volumes(target, config),
        mounts=tuple(map(_mount, mounts)),
    )


def _account(user: str) -> tuple[int, int]:
    uid, _, gid = user.partition(":")
    if not all(one.isascii() and one.isdigit() for one in (uid or "0", gid or "0")):
        raise UsageError(
            f"the image's user is `{user}`, whose number only the image knows",
            hint="write numbers in its Dockerfile: `USER 1000:1000`",
        )
    return int(uid or 0), int(gid or 0)


def _volumes(target: Target, config: Mapping[str, Any]) -> tuple[str, ...]:
    """A rule's own attribute, or what a Dockerfile says by VOLUME."""
    if "writable" in target.attributes:
        return target.strings("writable")
    return tuple(sorted(config.get("Volumes") or ()))


def _health(config: Mapping[str, Any]) -> tuple[str, ...]:
    kind, *words = (config.get("Healthcheck") or {}).get("Test") or ("NONE",)
    if kind == "CMD-SHELL":
        return ("/bin/sh", "-c", *words)
    return tuple(words) if kind == "CMD" else ()


def _on_port(health: tuple[str, ...], built: int | None, given: int | None) -> tuple[str, ...]:
    """The image's check asks the port that it was built for; here the service listens on another."""
    if built is None or given is None:
        return health
    return tuple(word.replace(f":{built}/", f":{given}/") for word in health)


def _variable(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not name or not found:
        raise UsageError(f"`{text}` is no NAME=VALUE")
    return name, value


def _mount(text: str) -> Mount:
    source, _, rest = text.partition(":")
    target, _, mode = rest.partition(":")
    if not source or not target.startswith("/") or mode not in {"", "ro"}:
        raise UsageError(f"`{text}` is no HOST:CONTAINER or HOST:CONTAINER:ro")
    return Mount(source, target, read_only=mode == "ro")
