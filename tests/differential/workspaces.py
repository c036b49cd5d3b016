"""Real workspaces for comparing the scanners with the languages' own tools."""

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.fake_tree import DictTree

REPOSITORY = Path(__file__).parents[2]
EXAMPLES = REPOSITORY / "tests" / "workspaces"
_NEVER = {".git", ".bs", ".venv", "target", "__pycache__"}


def tree_of(root: Path) -> DictTree:
    """The files of a workspace; what isn't text has no text here."""
    files: dict[str, str] = {}
    for folder, inside, names in os.walk(root):
        # The examples are workspaces of their own.
        inside[:] = [name for name in inside if name not in _NEVER and name != EXAMPLES.name]
        for name in names:
            path = Path(folder, name)
            if path.is_file():
                text = path.read_bytes().decode("utf-8", "replace")
                files[path.relative_to(root).as_posix()] = text
    return DictTree(files)


def copy_of(root: Path, files: Iterable[str], to: Path) -> Path:
    """A workspace with nothing but these files."""
    for file in files:
        (to / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / file, to / file)
    return to


def output_of(*command: str, cwd: Path, **environment: str) -> str:
    """What a tool of the language prints; skips where the machine hasn't got it."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"there is no `{command[0]}` here")
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def every_go_service(*examples: tuple[str, str]) -> pytest.MarkDecorator:
    """Runs a test for the `root` and `package` of this repository's Go services, and of these examples."""
    services = [
        (REPOSITORY, main.parent.relative_to(REPOSITORY).as_posix())
        for main in sorted(REPOSITORY.glob("cmd/*/main.go"))
    ] + [(EXAMPLES / name, package) for name, package in examples]
    names = [f"{root.name}-{package}" for root, package in services]
    return pytest.mark.parametrize(("root", "package"), services, ids=names)
