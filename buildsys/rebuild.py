"""Builds targets again from nothing: an empty store, an empty BuildKit, only the bases are there."""

import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from buildsys.errors import BuildsysError
from buildsys.execution.bases import bootstrap_key
from buildsys.execution.options import Options
from buildsys.images.stored import StoredImage
from buildsys.machine import Machine
from buildsys.model.label import Label
from buildsys.request import BuildRequest
from buildsys.store.scratch import swept_folder
from buildsys.wiring import Session

_REMOVING_S = 30.0


@contextmanager
def rebuilt(
    session: Session, labels: tuple[Label, ...], options: Options
) -> Iterator[Mapping[Label, StoredImage | BuildsysError]]:
    """What the targets come out as; it is gone after the body.

    Raises:
        MachineError: no private BuildKit can be started here.
    """
    with empty_machine(session) as machine:
        yield _images(Session(machine, session.start), labels, options)


@contextmanager
def empty_machine(session: Session) -> Iterator[Machine]:
    """This machine with an empty BuildKit that runs, and a store of nothing but bases; gone after the body.

    Raises:
        MachineError: no private BuildKit can be started here.
    """
    root = os.path.join(session.machine.cache_folder, "rebuilds")
    with swept_folder(root) as folder:
        machine = session.machine.beside(folder)
        try:
            _copy_bases(session, machine)
            # Whoever calls BuildKit past bs tells nobody that it isn't idle.
            with machine.daemon.in_use():
                machine.daemon.start()
                yield machine
        finally:
            machine.daemon.stop()
            _remove(folder)


def _images(
    session: Session, labels: tuple[Label, ...], options: Options
) -> dict[Label, StoredImage | BuildsysError]:
    report = BuildRequest(session, labels).run(options)
    failure = next(iter(report.errors), None)
    images: dict[Label, StoredImage | BuildsysError] = {}
    for target in report.targets:
        if target.image is not None:
            images[target.label] = StoredImage(session.machine.store.blobs, target.image)
        elif failure is not None:
            images[target.label] = failure
    return images


def _copy_bases(session: Session, machine: Machine) -> None:
    sharing = session.caches.sharing
    if sharing is not None:
        sharing.take_bases(tuple(session.caches.bases))
    # Made again, they could be of newer packages: bases are inputs, like sources.
    for base in session.workspace.settings.bases.values():
        if base.bootstrap is not None:
            key = bootstrap_key(base.bootstrap, machine.platform)
            machine.store.copy(session.machine.store, key)


def _remove(folder: str) -> None:
    # BuildKit may still be unmounting and writing for a moment after it has been told to stop.
    deadline = time.monotonic() + _REMOVING_S
    while os.path.exists(folder) and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.05)
