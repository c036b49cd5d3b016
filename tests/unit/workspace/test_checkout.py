"""What git says: commit, branch, changes, and whether a commit has the files that are here."""

import subprocess
from pathlib import Path

import pytest

from buildsys.workspace.checkout import Checkout


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *arguments]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose workspace is a folder below its top."""
    shop = tmp_path / "shop"
    shop.mkdir()
    (tmp_path / "outside").write_text("1")
    (shop / "a").write_text("1")
    (shop / "b").write_text("1")
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    return shop


def test_a_commit_has_the_files_that_are_as_they_were_in_it(repository: Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    (repository / "b").write_text("2")
    (repository / "new").write_text("1")
    checkout = Checkout(str(repository))
    assert checkout.commit() == first
    assert checkout.has(first, frozenset({"a"}))
    assert not checkout.has(first, frozenset({"a", "b"}))
    assert not checkout.has(first, frozenset({"new"}))
    assert not checkout.has("0" * 40, frozenset({"a"}))


def test_an_earlier_commit_has_what_was_not_changed_since(repository: Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    (repository / "b").write_text("2")
    git(repository, "commit", "-q", "-a", "-m", "second")
    checkout = Checkout(str(repository))
    assert checkout.has(first, frozenset({"a"}))
    assert not checkout.has(first, frozenset({"b"}))
    assert checkout.has(checkout.commit(), frozenset({"a", "b"}))


def test_a_checkout_is_changed_by_its_own_files_alone(repository: Path) -> None:
    (repository.parent / "outside").write_text("2")
    checkout = Checkout(str(repository))
    assert not checkout.is_changed()
    (repository / "new").write_text("1")
    assert checkout.is_changed()


def test_the_branch_of_a_commit_that_was_checked_out_is_what_the_ci_says(repository: Path) -> None:
    assert Checkout(str(repository)).branch() == "main"
    git(repository, "checkout", "-q", "--detach")
    assert Checkout(str(repository)).branch() == ""
    named = Checkout(str(repository), {"GITHUB_HEAD_REF": "", "CI_COMMIT_REF_NAME": "feature/x"})
    assert named.branch() == "feature/x"


@pytest.mark.parametrize(
    ("url", "uri"),
    [
        ("https://user:secret@git.example.com:8443/shop.git", "git+https://git.example.com:8443/shop.git"),
        ("git@git.example.com:team/shop.git", "git+ssh://git.example.com/team/shop.git"),
        ("ssh://git@git.example.com/shop", "git+ssh://git.example.com/shop"),
        ("/srv/git/shop", ""),
    ],
)  # fmt: skip
def test_the_remote_is_named_without_credentials(repository: Path, url: str, uri: str) -> None:
    git(repository, "remote", "add", "origin", url)
    assert Checkout(str(repository)).remote() == uri


def test_where_there_is_no_git_nothing_is_known(tmp_path: Path) -> None:
    checkout = Checkout(str(tmp_path))
    assert (checkout.commit(), checkout.branch(), checkout.remote()) == ("", "", "")
    assert not checkout.is_changed()
    assert not checkout.has("", frozenset())
