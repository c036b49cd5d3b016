"""The git program, asked about the repository around a workspace."""

import os
import subprocess
from collections.abc import Mapping

from buildsys.errors import UsageError

_OF_HOOKS = frozenset({"GIT_DIR", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_WORK_TREE"})
"""What git tells its hooks: with it, no repository would be looked for around the workspace."""


def git(
    root: str, *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run git in the workspace's folder, whatever it comes to; names of files come through unharmed.

    Raises:
        UsageError: there is no git.
    """
    own = {name: value for name, value in os.environ.items() if name not in _OF_HOOKS}
    try:
        return subprocess.run(
            ["git", "-C", root, *arguments],  # noqa: S607
            env={**own, **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
            errors="surrogateescape",
        )
    except OSError as error:
        raise UsageError(f"git can't be run: {error.strerror}") from None
