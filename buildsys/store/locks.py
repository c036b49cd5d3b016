"""Locks between processes: each is a file, and dies with the process that holds it."""

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from buildsys.store import durable

_LOOK_S = 0.1


@contextmanager
def locked(path: str, *, shared: bool = False) -> Iterator[None]:
    """Holds a lock on the file, which is made if need be.

    Raises:
        MachineError: the file can't be made.
    """
    while True:
        with durable.cannot_write(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
            # Whoever tidies up may have removed the file meanwhile: a lock on that keeps nobody out.
            if _is_at(path, descriptor):
                yield
                return
        finally:
            os.close(descriptor)


@contextmanager
def locked_within(
    path: str,
    wait_s: float,
    waiting: Callable[[], None],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[bool]:
    """Whether an exclusive lock could be had in time; `waiting` is called once if it can't at once.

    Raises:
        MachineError: the file can't be made.
    """
    with durable.cannot_write(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        waited = 0.0
        while not (had := _try(descriptor)) and waited < wait_s:
            if not waited:
                waiting()
            sleep(_LOOK_S)
            waited += _LOOK_S
        yield had
    finally:
        os.close(descriptor)


def remove_unless_held(path: str) -> bool:
    """Remove the file of a lock that nobody holds."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDWR)
        try:
            if _try(descriptor):
                os.unlink(path)
                return True
        finally:
            os.close(descriptor)
    return False


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(path: str, descriptor: int) -> bool:
    held = os.fstat(descriptor)
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return False
    return (held.st_dev, held.st_ino) == (there.st_dev, there.st_ino)
