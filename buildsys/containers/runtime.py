"""Finding what runs containers here: Docker where one answers, else runc or crun."""

import hashlib
import os
import shutil
from collections.abc import Mapping

from buildsys.containers.container import Runtime
from buildsys.containers.runc import Runc
from buildsys.errors import MachineError, UsageError

_SOCKET = "/var/run/docker.sock"
_CHOICES = ("docker", "runc", "crun")


def find_runtime(environment: Mapping[str, str], cache_folder: str, workspace_root: str) -> Runtime:
    """`BS_RUNTIME` if it is set, else the first that is there.

    Raises:
        UsageError: BS_RUNTIME names none that bs knows.
        MachineError: there is none.
    """
    chosen = environment.get("BS_RUNTIME", "")
    if chosen and chosen not in _CHOICES:
        raise UsageError(f"BS_RUNTIME is `{chosen}`", hint=f"one of {', '.join(_CHOICES)}")
    workspace = hashlib.sha256(workspace_root.encode()).hexdigest()[:12]
    if chosen in {"", "docker"}:
        docker = _docker(environment, workspace)
        if docker is not None:
            return docker
    for name in (chosen,) if chosen else ("runc", "crun"):
        program = shutil.which(name, path=environment.get("PATH"))
        if program is not None:
            folder = os.path.join(cache_folder, "containers", workspace)
            os.makedirs(folder, mode=0o700, exist_ok=True)
            return Runc(program, folder, workspace)
    raise MachineError(
        f"{chosen or 'neither Docker nor runc nor crun'} is not here",
        hint="start Docker, or: apt-get install -y --no-install-recommends runc",
    )


def _docker(environment: Mapping[str, str], workspace: str) -> Runtime | None:
    if "DOCKER_HOST" not in environment and not os.path.exists(_SOCKET):
        return None
    import docker  # noqa: PLC0415 - 200 ms, and only where there is a Docker
    from docker.errors import DockerException  # noqa: PLC0415

    from buildsys.containers.docker_runtime import DockerRuntime  # noqa: PLC0415

    try:
        client = docker.from_env(environment=dict(environment))
        client.ping()
    except (DockerException, OSError):
        return None
    return DockerRuntime(client, workspace)
