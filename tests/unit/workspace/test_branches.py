"""Which commits branches and tags stand on, by real git repositories."""

import itertools
from pathlib import Path

import pytest

from buildsys.errors import UsageError
from buildsys.workspace.branches import standing_on, tips
from tests.commits import git

_NUMBERS = itertools.count()
"""Commits of the same second would be the same commit."""


def commit(root: Path) -> str:
    git(root, "commit", "-q", "--allow-empty", "-m", str(next(_NUMBERS)))
    return git(root, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "origin"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    return root


def test_without_origin_the_branches_and_tags_here_count(repository: Path) -> None:
    first = commit(repository)
    git(repository, "tag", "-a", "v1", "-m", "v1")
    second = commit(repository)
    git(repository, "branch", "other", first)
    assert {first, second} <= set(tips(str(repository)))


def test_with_origin_its_own_count(repository: Path, tmp_path: Path) -> None:
    first = commit(repository)
    git(repository, "tag", "-a", "v1", "-m", "v1")
    second = commit(repository)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(repository), str(clone))
    mine = commit(clone)
    later = commit(repository)
    found = set(tips(str(clone)))
    assert {first, later} <= found
    assert not {second, mine} & found


def test_a_commit_that_was_not_built_stands_on_the_nearest_that_was(repository: Path) -> None:
    first, second, third = (commit(repository) for _ in range(3))
    root = str(repository)
    assert standing_on(root, [third], frozenset({first, second})) == {second}
    assert standing_on(root, [third, first], frozenset({first, third})) == {first, third}
    assert standing_on(root, [third], frozenset()) == frozenset()
    assert standing_on(root, ["0" * 40], frozenset({first})) == frozenset()


def test_where_git_says_no_the_message_says_why(tmp_path: Path, repository: Path) -> None:
    with pytest.raises(UsageError, match="not a git repository"):
        tips(str(tmp_path))
    commit(repository)
    git(repository, "remote", "add", "origin", str(tmp_path / "gone"))
    with pytest.raises(UsageError, match="`git ls-remote`"):
        tips(str(repository))
