"""`python_sources` against Python itself: the files that are named are enough to run."""

import sys
from pathlib import Path

import pytest

from buildsys.analysis.python_sources import python_sources
from tests.differential.workspaces import EXAMPLES, copy_of, output_of, tree_of


@pytest.mark.slow
def test_the_service_runs_from_these_files_alone(tmp_path: Path) -> None:
    root, package = EXAMPLES / "python-shared", "services/greeter"
    sources = python_sources(tree_of(root), package, exclude=lambda _: False)
    assert "shared/unused.py" not in sources.files
    alone = copy_of(root, sources.files, tmp_path)
    path = f"{alone / package}:{alone}"
    printed = output_of(sys.executable, "-m", "main", cwd=alone / package, PYTHONPATH=path)
    assert printed == "hello, xn--bcher-kva.example\n"
