"""When things of the store were last used, and what the workspaces that use it need.

    used/AB/NAME         an empty file whose mtime is the last use of the record or module facts of that name
    workspaces/HASH      JSON: the folder of a workspace, and the module facts that its builds looked at

Written by a build that comes to other keys than the workspace had before, for these and those, and by the first
build of a day that isn't answered from memory, for all. What a workspace has in its last build is in use for as
long as it is there.
"""

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from buildsys.errors import BuildsysError
from buildsys.store import durable

NOTED_S = 86_400.0
"""So often, all that a workspace uses is noted."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace that was built with this store, and the facts that it needs."""

    root: str
    facts: frozenset[str]


@dataclass(frozen=True, slots=True)
class Usage:
    """The memory of uses below `layout`; failing to write costs a hit some day, nothing else."""

    layout: str

    def note(self, root: str, names: Iterable[str], facts: Iterable[str]) -> None:
        """The workspace at `root` uses the records of these names, and these facts."""
        looked_at = frozenset(facts)
        for name in {*names, *looked_at}:
            self._touch(name)
        path = self._path(root)
        known = _read(path)
        needed = looked_at | (known.facts if known else frozenset())
        with contextlib.suppress(OSError):
            if known is not None and not self.is_noted(root):
                os.utime(path)
        if known is None or needed != known.facts:
            content = json.dumps({"root": root, "facts": sorted(needed)}).encode()
            with contextlib.suppress(BuildsysError, OSError):
                os.makedirs(os.path.dirname(path), exist_ok=True)
                durable.write(path, content)

    def is_noted(self, root: str) -> bool:
        """Whether all that the workspace uses was noted today."""
        try:
            return time.time() - os.stat(self._path(root)).st_mtime < NOTED_S
        except OSError:
            return False

    def last_used_s(self, name: str) -> float:
        """Seconds since the epoch; 0 if it was never noted."""
        try:
            return os.stat(self._mark(name)).st_mtime
        except OSError:
            return 0.0

    def workspaces(self) -> Iterator[tuple[str, Workspace | None]]:
        """The file of each workspace, and what is in it unless that can't be read."""
        folder = os.path.join(self.layout, "workspaces")
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
            path = os.path.join(folder, name)
            yield path, _read(path)

    def _touch(self, name: str) -> None:
        mark = self._mark(name)
        with contextlib.suppress(OSError):
            try:
                os.utime(mark)
            except FileNotFoundError:
                os.makedirs(os.path.dirname(mark), exist_ok=True)
                with open(mark, "ab"):
                    pass

    def _mark(self, name: str) -> str:
        return os.path.join(self.layout, "used", name[:2], name)

    def _path(self, root: str) -> str:
        name = hashlib.sha256(os.fsencode(root)).hexdigest()
        return os.path.join(self.layout, "workspaces", name)


def _read(path: str) -> Workspace | None:
    try:
        fields = json.loads(durable.read(path) or b"")
        return Workspace(str(fields["root"]), frozenset(map(str, fields["facts"])))
    except (ValueError, KeyError, TypeError):
        return None
