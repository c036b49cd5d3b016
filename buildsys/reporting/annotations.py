"""Problems in the forms that CI services show beside the lines of a change."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence

from buildsys.reporting.problems import Problem

MOST = 10
"""So many errors GitHub shows of one step."""


def github_command(problem: Problem, title: str) -> str:
    """A workflow command that makes an annotation."""
    named = {
        "file": problem.path,
        "line": problem.line,
        "col": problem.column,
        "title": title,
    }
    properties = ",".join(
        f"{name}={_property(str(value))}" for name, value in named.items() if value
    )
    return f"::error {properties}::{_data(problem.message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def code_quality(problems: Sequence[tuple[str, Problem]]) -> str:
    """GitLab's code quality report, of those with a place; each with what it was found in."""
    seen: Counter[tuple[str, str]] = Counter()
    rows = []
    for check, problem in problems:
        if not problem.path:
            continue
        # Not the line: the same problem further down is the same to whoever compares two reports.
        seen[problem.path, problem.message] += 1
        number = seen[problem.path, problem.message]
        identity = f"{problem.path}\0{problem.message}\0{number}"
        rows.append(
            {
                "description": problem.message,
                "check_name": check,
                "fingerprint": hashlib.sha256(identity.encode()).hexdigest(),
                "severity": "blocker",
                "location": {"path": problem.path, "lines": {"begin": max(problem.line, 1)}},
            }
        )
    return json.dumps(rows, indent=2) + "\n"
