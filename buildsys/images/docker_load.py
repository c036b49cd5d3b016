"""Loads images into a running Docker, through the docker SDK."""

import tempfile

from buildsys.errors import MachineError
from buildsys.images.archive import stream_docker_archive
from buildsys.model.action import ActionResult
from buildsys.model.digest import hex_of
from buildsys.store.blobs import Blobs


def load_into_docker(blobs: Blobs, result: ActionResult, name: str) -> list[str]:
    """Load an image; returns its tags: `NAME:latest` and one of the image's own digest.

    Raises:
        MachineError: no Docker answers, or it refuses the image.
    """
    import docker  # noqa: PLC0415
    from docker.errors import DockerException  # noqa: PLC0415

    tags = [f"{name}:latest", f"{name}:{hex_of(result.digest)[:12]}"]
    with tempfile.TemporaryFile() as archive:
        stream_docker_archive(blobs, result, tags, archive)
        archive.seek(0)
        try:
            docker.from_env().images.load(archive)
        except (DockerException, OSError) as error:
            raise MachineError(
                f"Docker doesn't take the image: {error}",
                hint="is it running? `bs image LABEL --output FILE.tar` needs no Docker",
            ) from None
    return tags
