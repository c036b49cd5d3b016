"""Writing so that a crash leaves the old content or the new, and reading with damage in mind."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from buildsys.errors import MachineError


def write(path: str, content: bytes) -> None:
    """Replace `path` by a file with `content`, durably.

    Raises:
        MachineError: it can't be written.
    """
    temporary = f"{path}.tmp-{secrets.token_hex(6)}"
    with cannot_write(path):
        try:
            with open(temporary, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
            sync_folder(os.path.dirname(path))
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise


def sync_file(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


sync_folder = sync_file
"""A rename lasts once its folder is synced."""


def read(path: str) -> bytes | None:
    """The content, or None where there is no readable file."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


@contextmanager
def cannot_write(path: str) -> Iterator[None]:
    """Turns the system's refusals into an error that names the path.

    Raises:
        MachineError: the body raised OSError.
    """
    try:
        yield
    except OSError as error:
        raise MachineError(
            f"can't write `{path}`: {error.strerror or error}",
            hint="make room or mend the permissions, or put the store elsewhere with BS_CACHE_DIR",
        ) from error
