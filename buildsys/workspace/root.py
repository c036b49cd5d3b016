"""Where the workspace is: the nearest folder upwards whose BUILD.yaml names a workspace."""

import os
import re

from buildsys.errors import UsageError
from buildsys.model.target import ROOT_BUILD_FILE
from buildsys.sights import Sights

_MARK = re.compile(r"^workspace\s*:", re.MULTILINE)


def marks_workspace(build_file: str) -> bool:
    """Whether the text of a BUILD.yaml is that of a workspace's root."""
    return _MARK.search(build_file) is not None


def find_root(start: str, sights: Sights) -> str:
    """The absolute path of the workspace that `start` lies in; `sights` learns where it was looked for.

    Raises:
        UsageError: there is none.
    """
    folder = os.path.realpath(start)
    while True:
        candidate = os.path.join(folder, ROOT_BUILD_FILE)
        if sights.look(candidate) and _is_root(candidate):
            return folder
        above = os.path.dirname(folder)
        if above == folder:
            raise UsageError(
                f"`{start}` is in no workspace",
                hint="put a BUILD.yaml with `workspace: NAME` into the root folder of the repository",
            )
        folder = above


def _is_root(path: str) -> bool:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return marks_workspace(file.read(1 << 20))
    except OSError:
        return False
