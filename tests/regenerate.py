"""`make docs`: writes what is generated: BUILD.yaml's reference and JSON Schema, the words of completion."""

import json
import subprocess
import sys
from pathlib import Path

import typer

from buildsys.cli.app import app
from buildsys.loading.reference import reference
from buildsys.loading.schema import json_schema
from buildsys.rules.registry import RULES

REPOSITORY = Path(__file__).parents[1]
_TARGETS = {"patterns", "label"}
"""Names of the arguments that are targets."""


def generated() -> dict[str, str]:
    """File → content."""
    return {
        "docs/build-files.md": reference(RULES),
        "docs/build-files.schema.json": json.dumps(json_schema(RULES), indent=2) + "\n",
        "buildsys/cli/vocabulary.py": _vocabulary(),
    }


def _vocabulary() -> str:
    text = f'''"""What completion offers: command → (commands, options → (help, has a value), takes targets).

`make docs` writes this from the commands themselves, as asking those takes typer 0.3 s.
"""

Command = tuple[dict[str, str], dict[str, tuple[str, bool]], bool]

COMMANDS: dict[str, Command] = {_words("", typer.main.get_command(app))!r}
'''
    tidy = [sys.executable, "-m", "ruff", "format", "--quiet", "-"]
    done = subprocess.run(tidy, input=text, text=True, capture_output=True, check=True)
    return done.stdout


def _words(path: str, command: object) -> dict[str, object]:
    """A command and all below it, by the words that name it."""
    below = getattr(command, "commands", {})
    options: dict[str, tuple[str, bool]] = {}
    takes_targets = False
    for one in getattr(command, "params", ()):
        if one.param_type_name == "argument":
            takes_targets = takes_targets or one.name in _TARGETS
        elif path:
            options |= dict.fromkeys(one.opts, (one.help or "", not one.is_flag))
    named = {name: _first_sentence(one.help or one.short_help) for name, one in below.items()}
    found: dict[str, object] = {path: (named, options, takes_targets)}
    for name, one in below.items():
        found |= _words(f"{path} {name}".strip(), one)
    return found


def _first_sentence(text: str) -> str:
    return " ".join(text.split("\n\n", maxsplit=1)[0].split()).removesuffix(".")


if __name__ == "__main__":
    for name, content in generated().items():
        (REPOSITORY / name).write_text(content, encoding="utf-8")
