"""pyproject.toml without the settings of tools that only look at sources."""

from buildsys.analysis.toml_text import parsed, table_of, without, written

_LINTERS = (
    "autoflake", "autopep8", "bandit", "basedpyright", "black", "bumpversion", "codespell", "commitizen",
    "deptry", "docformatter", "flake8", "importlinter", "interrogate", "isort", "mypy", "pydocstyle",
    "pylint", "pyrefly", "pyright", "refurb", "ruff", "semantic_release", "towncrier", "ty", "typos",
    "vulture", "yapf",
)  # fmt: skip
"""Linters, formatters, type checkers and tools of releases: tests don't run them. A list of what pytest and
its plugins read would be never complete."""


class PyprojectReader:
    """Reads a pyproject.toml into the text that tests get."""

    name = "pyproject-of-tests/1"

    def read(self, text: str) -> str:
        found, failure = parsed(text)
        if failure:
            return text
        tools = without(table_of(found, "tool"), *_LINTERS)
        return written(without(found, "tool") | ({"tool": tools} if tools else {}))
