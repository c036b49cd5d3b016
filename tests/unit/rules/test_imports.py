"""What may be imported where, beyond what import-linter checks."""

import ast
from functools import cache
from pathlib import Path

import buildsys

ROOT = Path(buildsys.__file__).parent


@cache
def trees() -> dict[str, ast.Module]:
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text()) for path in ROOT.rglob("*.py")}


def importers(module: str) -> set[str]:
    found = set()
    for path, tree in trees().items():
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            if any(name.split(".")[0] == module for name in names):
                found.add(path)
    return found


def test_a_hash_that_is_not_cryptographic_guards_what_is_remembered_and_decides_nothing_else() -> (
    None
):
    assert importers("xxhash") == {"answers.py", "workspace/index.py"}


def test_nothing_that_is_read_can_run_code() -> None:
    assert importers("pickle") == importers("shelve") == set()
