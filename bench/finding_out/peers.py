"""Peers and lower bounds, each as commands on a tree of its own; those that aren't there are left out."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from bench.finding_out.measuring import Run
from bench.finding_out.workspaces import generate

TURBO = "turbo@2.11.11"
_BOUNDS = Path(__file__).with_name("bounds.c")
_SLOW_TO_BEGIN = {"turbo": 1_000, "bazel": 10_000}
"""More targets than this take the peer an hour to build the first time."""


def git(root: Path) -> Run:
    return Run(("git", "status", "--porcelain"), root)


def compiled_bounds(folder: Path) -> Path | None:
    """The C program, if there is a compiler and OpenSSL here."""
    program = folder / "bounds"
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    command = [compiler, "-O2", "-o", str(program), str(_BOUNDS), "-lcrypto"]
    return program if subprocess.run(command, check=False).returncode == 0 else None


@contextmanager
def turbo(folder: Path, targets: int) -> Iterator[Run | None]:
    """`turbo run build` where everything is in its cache; installed by npm."""
    npm = shutil.which("npm")
    if npm is None or targets > _SLOW_TO_BEGIN["turbo"]:
        yield None
        return
    root, tools = folder / "turbo", folder / "npm"
    tools.mkdir(exist_ok=True)
    install = [npm, "install", "--no-fund", "--no-audit", "--prefix", str(tools), TURBO]
    if subprocess.run(install, check=False, capture_output=True).returncode != 0:
        yield None
        return
    generate(root, targets, "turbo")
    program = str(tools / "node_modules" / ".bin" / "turbo")
    quiet = {"TURBO_TELEMETRY_DISABLED": "1", "TURBO_NO_UPDATE_NOTIFIER": "1", "CI": "1"}
    run = Run((program, "run", "build", "--concurrency=2"), root, quiet)
    yield _ready(run)


@contextmanager
def bazel(folder: Path, targets: int) -> Iterator[Run | None]:
    """`bazel build //...` with a warm server; Debian has it as bazel-bootstrap."""
    program = shutil.which("bazel")
    if program is None or targets > _SLOW_TO_BEGIN["bazel"]:
        yield None
        return
    root = folder / "bazel"
    generate(root, targets, "bazel")
    start = (program, f"--output_user_root={folder / 'bazel-state'}", "--max_idle_secs=600")
    build = (*start, "build", "--spawn_strategy=local", "--noshow_progress", "//...")
    try:
        yield _ready(Run(build, root))
    finally:
        subprocess.run([*start, "shutdown"], cwd=root, check=False, capture_output=True)
        # Bazel's outputs can't be written to, and so not be removed either.
        subprocess.run(["chmod", "-R", "u+w", str(folder / "bazel-state")], check=False)


def _ready(command: Run) -> Run | None:
    """The command after it ran once, if it can."""
    try:
        command.once()
    except ValueError as error:
        print(f"left out: {error}")
        return None
    return command


PEERS: dict[str, Callable[[Path, int], AbstractContextManager[Run | None]]] = {
    "turbo": turbo,
    "bazel": bazel,
}
