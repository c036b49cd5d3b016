"""The examples for CI services: valid by the services' own schemas, and of commands that exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from buildsys.cli.app import app

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples/ci"
SCHEMAS = {
    "github-actions.yml": ["vendor.github-workflows"],
    "gitlab-ci.yml": ["vendor.gitlab-ci", "--data-transform", "gitlab-ci"],
}
_COMMAND = re.compile(r"(?:^|[\s(|&;])bs ([a-z][a-z-]*)((?:[ ][^|&;)\n]*)?)", re.MULTILINE)


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_the_service_would_take_it(name: str) -> None:
    schema, *more = SCHEMAS[name]
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *more]
    done = subprocess.run(
        [*command, str(EXAMPLES / name)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", sorted(EXAMPLES.iterdir()), ids=lambda path: path.name)
def test_only_commands_and_options_that_exist_are_used(path: Path) -> None:
    lines = [line.partition("#")[0] for line in path.read_text().splitlines()]
    used = list(_COMMAND.finditer("\n".join(lines)))
    assert {one[1] for one in used} >= {"affected", "build", "test", "gc"}
    commands = typer.main.get_group(app).commands
    for one in used:
        known = {option for parameter in commands[one[1]].params for option in parameter.opts}
        asked = re.findall(r"(?<=\s)--?[a-z][a-z-]*", one[2])
        assert set(asked) <= known, one[0]


def test_no_expression_is_put_into_a_script() -> None:
    """What a pull request names would be run."""
    for line in (EXAMPLES / "github-actions.yml").read_text().splitlines():
        assert "${{" not in line or not re.match(r"\s+(bs|run:|matrix=|echo) ", line)


def test_the_shell_script_is_one() -> None:
    assert subprocess.run(["sh", "-n", str(EXAMPLES / "build.sh")], check=False).returncode == 0
