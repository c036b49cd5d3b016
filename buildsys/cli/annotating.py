"""Annotations beside the lines of a change, where GitHub Actions runs bs."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from buildsys.errors import BuildsysError, UsageError
from buildsys.reporting.annotations import MOST, github_command
from buildsys.reporting.problems import Problem
from buildsys.sights import Sights
from buildsys.workspace.root import find_root

_TOPS = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR")
"""Where CI services have the repository, to which they take all paths to be relative."""


def annotate(problems: Sequence[tuple[str, Problem]]) -> None:
    """Print them as workflow commands, each with its title."""
    for title, problem in problems[:MOST]:
        print(github_command(problem, title), file=sys.stderr, flush=True)


def annotate_error(error: BuildsysError) -> None:
    """An error of the command itself: of BUILD.yaml, with its place, or of the machine."""
    at = error.at
    problem = Problem(
        error.message, at.path if at else "", at.line if at else 0, at.column if at else 0
    )
    with suppress(UsageError):
        problem = in_repository(problem, find_root(os.getcwd(), Sights()))
    annotate([("bs", problem)])


def in_repository(problem: Problem, root: str) -> Problem:
    """With the path from the repository's top instead of the workspace at `root`."""
    tops = (os.environ.get(name) for name in _TOPS)
    top = next((top for top in tops if top), root)
    below = os.path.relpath(root, os.path.realpath(top))
    if not problem.path or below == "." or below.startswith(".."):
        return problem
    return replace(problem, path=f"{below}/{problem.path}")
