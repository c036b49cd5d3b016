"""Private folders for exports, and the removal of those that a killed process left behind."""

import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from buildsys.store.durable import cannot_write


@contextmanager
def private_folder(root: str) -> Iterator[str]:
    """A new folder below `root`, held by a lock that dies with the process; removed at the end."""
    with cannot_write(root):
        os.makedirs(root, exist_ok=True)
        folder = os.path.join(root, secrets.token_hex(8))
        descriptor = os.open(folder + ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.mkdir(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.unlink(folder + ".lock")
        os.close(descriptor)


@contextmanager
def swept_folder(root: str) -> Iterator[str]:
    """A private folder, once those are gone that a killed process left beside it."""
    sweep(root)
    with private_folder(root) as folder:
        yield folder


def sweep(root: str) -> None:
    """Remove the folders below `root` whose process is gone."""
    with contextlib.suppress(OSError):
        for name in os.listdir(root):
            if name.endswith(".lock"):
                _sweep_one(os.path.join(root, name))


def _sweep_one(lock: str) -> None:
    descriptor = os.open(lock, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    else:
        shutil.rmtree(lock.removesuffix(".lock"), ignore_errors=True)
        os.unlink(lock)
    finally:
        os.close(descriptor)
