"""Runs an image, and asks it how it is by its own health check."""

import json
import socket
import time
from dataclasses import replace

from buildsys.containers.container import ContainerSpec, Runtime
from buildsys.containers.platform import Platform
from buildsys.containers.spec import container_spec
from buildsys.errors import CheckFailed
from buildsys.images.stored import StoredImage
from buildsys.model.target import Target

_POLL_S = 0.05
_LOG_LINES = 20


def health_problems(
    runtime: Runtime, target: Target, image: StoredImage, timeout_s: float
) -> tuple[str, ...]:
    """What is wrong: () if the image gets healthy in time.

    A service is started on a free port, beside any that runs already; of an image that is a command line
    the check itself is run.

    Raises:
        MachineError: containers can't be run here.
    """
    port = _free_port() if target.number("port") is not None else None
    spec = container_spec(target, json.loads(image.config()), port=port)
    # Its data is no data of `bs up`: it goes with the container.
    spec = replace(spec, name=f"verify-{spec.name}", volumes=())
    try:
        if port is None:
            _ends_well(runtime, replace(spec, command=spec.health), image, timeout_s)
        else:
            _gets_healthy(runtime, spec, image, timeout_s)
    except CheckFailed as error:
        return (str(error),)
    return ()


def _gets_healthy(
    runtime: Runtime, spec: ContainerSpec, image: StoredImage, timeout_s: float
) -> None:
    platform = Platform(runtime, lambda _: None, lambda _: None)
    try:
        platform.start([(spec, image)], timeout_s)
    finally:
        platform.stop()


def _ends_well(runtime: Runtime, spec: ContainerSpec, image: StoredImage, timeout_s: float) -> None:
    container = runtime.start(spec, image)
    deadline = time.monotonic() + timeout_s
    try:
        while (code := container.exit_code()) is None:
            if time.monotonic() > deadline:
                raise CheckFailed(f"`{' '.join(spec.command)}` takes longer than {timeout_s:g} s")
            time.sleep(_POLL_S)
        if code != 0:
            end = container.log_end(_LOG_LINES)
            raise CheckFailed(f"`{' '.join(spec.command)}` ends with exit code {code}\n{end}")
    finally:
        container.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
