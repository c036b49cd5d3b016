"""The services' own tests, by their own languages' tools."""

import os
import subprocess
import sys
from pathlib import Path

from buildsys.machine import Machine
from tests.integration.real import REPOSITORY
from tests.integration.test_eject import Silent


def run(command: list[str], folder: Path, **environment: str) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        env=dict(os.environ) | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_go_services_pass_their_tests() -> None:
    go = Machine(os.environ, Silent()).daemon.toolbox.go()
    run([go, "vet", "./..."], REPOSITORY)
    run([go, "test", "./..."], REPOSITORY)


def test_the_agent_runner_passes_its_tests(tmp_path: Path) -> None:
    service = REPOSITORY / "cmd" / "agent-runner-py"
    run([sys.executable, "-m", "venv", str(tmp_path / "venv")], tmp_path)
    python = str(tmp_path / "venv" / "bin" / "python")
    requirements = [
        word for name in ("requirements.txt", "requirements-dev.txt") for word in ("-r", name)
    ]
    run([python, "-m", "pip", "install", "-q", "--no-compile", *requirements], service)
    run([python, "-B", "-m", "pytest", "-q"], service)


def test_aob_passes_its_tests(tmp_path: Path) -> None:
    run(
        ["cargo", "test", "--locked", "--quiet"],
        REPOSITORY / "cmd" / "aob-cli",
        CARGO_TARGET_DIR=str(tmp_path / "target"),
    )
