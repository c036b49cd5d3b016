"""Real git repositories for tests, whatever the machine's own settings are."""

import os
import subprocess
from pathlib import Path

_SETTINGS = (
    "-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false", "-c",
    "init.defaultBranch=main", "-c", "core.autocrlf=false", "-c", "protocol.file.allow=always",
)  # fmt: skip


def git(root: Path, *arguments: str) -> str:
    # What git tells its hooks would make it work on the repository that the tests are in.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", *_SETTINGS, *arguments],
        cwd=root,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()
