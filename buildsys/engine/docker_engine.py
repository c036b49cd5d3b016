"""BuildKit in a container of the Docker that runs here; the only importer of the docker SDK beside images."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from buildsys.engine.provision import BUILDKIT

if TYPE_CHECKING:
    from docker import DockerClient

CONTAINER = "bs-buildkit"
IMAGE = f"moby/buildkit:{BUILDKIT}"
_SOCKET = "/var/run/docker.sock"


def docker_address(environment: dict[str, str], note: Callable[[str], None]) -> str | None:
    """The address of BuildKit in Docker, started if need be; None where that can't be had."""
    if "DOCKER_HOST" not in environment and not os.path.exists(_SOCKET):
        return None
    import docker  # noqa: PLC0415 - 200 ms, and only where there is a Docker
    from docker.errors import DockerException  # noqa: PLC0415

    try:
        client = docker.from_env(timeout=10)
        client.ping()
        _ensure_running(client, note)
    except (DockerException, OSError) as error:
        note(f"Docker is no help ({error}); looking for BuildKit elsewhere")
        return None
    return f"docker-container://{CONTAINER}"


def _ensure_running(client: "DockerClient", note: Callable[[str], None]) -> None:
    from docker.errors import ImageNotFound, NotFound  # noqa: PLC0415

    try:
        container = client.containers.get(CONTAINER)
    except NotFound:
        try:
            client.images.get(IMAGE)
        except ImageNotFound:
            note(f"pulling {IMAGE}")
            client.images.pull(IMAGE)
        note(f"starting BuildKit in the container {CONTAINER}")
        client.containers.run(
            IMAGE,
            name=CONTAINER,
            detach=True,
            privileged=True,
            network_mode="host",
            volumes={f"{CONTAINER}-state": {"bind": "/var/lib/buildkit", "mode": "rw"}},
        )
    else:
        if container.status != "running":
            container.start()


def remove_container(environment: dict[str, str]) -> bool:
    """Stop BuildKit in Docker, keeping its cache; False if there was none."""
    if "DOCKER_HOST" not in environment and not os.path.exists(_SOCKET):
        return False
    import docker  # noqa: PLC0415
    from docker.errors import DockerException  # noqa: PLC0415

    try:
        container = docker.from_env(timeout=10).containers.get(CONTAINER)
        container.remove(force=True)
    except (DockerException, OSError):
        return False
    return True
