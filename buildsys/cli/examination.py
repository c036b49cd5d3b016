"""What `bs doctor` looks at."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from buildsys.cli import context
from buildsys.errors import UsageError
from buildsys.machine import Machine
from buildsys.wiring import Session

if TYPE_CHECKING:
    from buildsys.engine.locate import EngineLocator


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that building needs; `remedy` is the one command that mends it."""

    what: str
    well: bool
    remedy: str = ""
    optional: bool = False


def examine(session: Session) -> list[Finding]:
    machine = session.machine
    return [*_engine(session), *_bases(machine), *_store(machine)]


def _engine(session: Session) -> Iterator[Finding]:
    machine = session.machine
    toolbox = machine.daemon.toolbox
    try:
        locator = context.locator(session)
    except UsageError as error:
        yield Finding(f"engines: {error}", well=False, remedy=error.hint)
        return
    if locator.named.addresses:
        yield from _named_engines(locator)
        return
    docker = "DOCKER_HOST" in machine.environment or os.path.exists("/var/run/docker.sock")
    yield Finding(
        "Docker: a socket is there" if docker else "no Docker; bs uses a private BuildKit",
        well=True,
    )
    for name in ("buildkitd", "buildctl"):
        path = toolbox.find(name)
        yield Finding(
            f"{name}: {path or 'not there yet, built from source on first use'}",
            well=bool(path) or _can_build(machine),
            remedy="" if path or _can_build(machine) else "apt-get install -y golang-go",
        )
    runtime = toolbox.runtime()
    remedy = "" if runtime else "apt-get install -y --no-install-recommends runc"
    yield Finding(f"runc or crun: {runtime or 'neither'}", well=bool(runtime), remedy=remedy)
    yield Finding(
        "private BuildKit: running"
        if machine.daemon.running()
        else "private BuildKit: not running",
        well=True,
    )


def _named_engines(locator: "EngineLocator") -> Iterator[Finding]:
    """One that answers suffices."""
    problems = locator.problems()
    for address, problem in problems.items():
        remedy = "mend it, or name it no longer (BS_ENGINES, BUILDKIT_HOST, `engine`)"
        yield Finding(
            f"engine {address}: {problem or 'answers'}",
            well=not problem,
            remedy=remedy if problem else "",
            optional=not all(problems.values()),
        )


def _can_build(machine: Machine) -> bool:
    """Go comes from PyPI where there is none, so a missing Go is no obstacle."""
    return bool(machine.environment.get("PATH"))


def _bases(machine: Machine) -> Iterator[Finding]:
    path = shutil.which("mmdebstrap", path=machine.environment.get("PATH", ""))
    yield Finding(
        f"mmdebstrap: {path or 'not there; needed where no registry answers'}",
        well=bool(path),
        remedy="" if path else "apt-get install -y --no-install-recommends mmdebstrap",
        optional=True,
    )


def _store(machine: Machine) -> Iterator[Finding]:
    folder = machine.cache_folder
    try:
        os.makedirs(folder, exist_ok=True)
        free = shutil.disk_usage(folder).free / 1e9
    except OSError as error:
        yield Finding(f"store {folder}: {error.strerror}", well=False, remedy="set BS_CACHE_DIR")
        return
    yield Finding(f"store {folder}: {free:.0f} GB free", well=free > 5)  # noqa: PLR2004
