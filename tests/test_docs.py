"""The documents say what is."""

import re
from pathlib import Path

import pytest

from buildsys.cli.app import app
from buildsys.keys.explain import ReasonCode
from tests.regenerate import generated

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(("name", "content"), sorted(generated().items()))
def test_what_is_generated_is_up_to_date(name: str, content: str) -> None:
    assert (ROOT / name).read_text() == content, "run `make docs`"


def test_every_build_file_names_the_schema_for_editors() -> None:
    for path in [ROOT / "BUILD.yaml", *ROOT.glob("cmd/*/BUILD.yaml")]:
        first = path.read_text().splitlines()[0]
        reference = first.removeprefix("# yaml-language-server: $schema=").partition("#")[0]
        assert (path.parent / reference).is_file()


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


@pytest.mark.parametrize("page", [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("d*/**/*.md"))])
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target
