"""The documents say what is."""

import re
from pathlib import Path

import pytest

from buildsys.cli.app import app
from buildsys.keys.explain import ReasonCode
from buildsys.loading.reference import reference
from buildsys.rules.registry import RULES

ROOT = Path(__file__).parents[1]


def test_the_reference_of_build_files_is_that_of_the_rules() -> None:
    written = (ROOT / "docs/build-files.md").read_text()
    assert written == reference(RULES), "run `make docs`"


def test_every_reason_is_documented() -> None:
    documented = set(re.findall(r"`([a-z_]+)`", (ROOT / "docs/status.md").read_text()))
    assert {str(code) for code in ReasonCode} <= documented


def test_every_command_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    for command in app.registered_commands:
        assert f"bs {command.name}" in readme


def test_every_room_is_in_the_architecture() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    for room in (ROOT / "buildsys").iterdir():
        if room.is_dir() and (room / "__init__.py").exists():
            assert f"`{room.name}/`" in text


@pytest.mark.parametrize("page", sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("docs/**/*.md")))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target
