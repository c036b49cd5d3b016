"""Who is named as the maker of what is made."""

from pathlib import Path

import pytest

from buildsys.workspace.maker import made_by
from tests.commits import git


@pytest.mark.parametrize(
    ("environment", "run"),
    [
        ({}, None),
        ({"GITHUB_SERVER_URL": "https://g", "GITHUB_REPOSITORY": "a/b", "GITHUB_RUN_ID": "7"},
         "https://g/a/b/actions/runs/7"),
        ({"GITHUB_RUN_ID": "7"}, None),
        ({"CI_JOB_URL": "https://gitlab/1"}, "https://gitlab/1"),
    ],
)  # fmt: skip
def test_the_maker_is_named_with_its_run(
    tmp_path: Path, environment: dict[str, str], run: str | None
) -> None:
    maker = made_by(str(tmp_path), environment)
    assert maker.get("run") == run
    assert {"host", "bs", "commit"} <= maker.keys()


def test_the_maker_is_named_with_the_commit_that_is_checked_out(tmp_path: Path) -> None:
    assert made_by(str(tmp_path), {})["commit"] == ""
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "first")
    assert made_by(str(tmp_path), {})["commit"] == git(tmp_path, "rev-parse", "HEAD")
