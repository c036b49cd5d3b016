"""Revisions: real repositories, whole and shallow, and workspaces below their top."""

import os
from pathlib import Path

import pytest

from buildsys.errors import UsageError
from buildsys.workspace.revision import at_revision, is_tracked, merge_base
from tests.commits import git


def commit(root: Path, name: str, text: str) -> str:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    git(root, "add", ".")
    git(root, "commit", "-qm", name)
    return git(root, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "-q")
    return root


def test_the_files_are_those_of_a_checkout_of_the_workspace_alone(repository: Path) -> None:
    (repository / ".gitattributes").write_text("* export-ignore\n*.txt export-subst\n")
    commit(repository, "outside.txt", "outside")
    tool = repository / "shop" / "tool.sh"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    (tool.parent / "link").symlink_to("tool.sh")
    first = commit(repository, "shop/sub/a.txt", "$Format:%H$")
    commit(repository, "shop/sub/a.txt", "later")
    with at_revision(str(repository / "shop"), first) as folder:
        found = Path(folder)
        assert sorted(p.relative_to(found).as_posix() for p in found.rglob("*")) == [
            "link", "sub", "sub/a.txt", "tool.sh",
        ]  # fmt: skip
        assert (found / "sub/a.txt").read_text() == "$Format:%H$"
        assert os.access(found / "tool.sh", os.X_OK)
        assert (found / "link").is_symlink()
    assert not found.exists()
    assert git(repository, "status", "--porcelain") == ""


def test_changes_of_others_since_the_branch_began_do_not_count(repository: Path) -> None:
    common = commit(repository, "a", "1")
    git(repository, "checkout", "-qb", "feature")
    commit(repository, "b", "1")
    git(repository, "checkout", "-q", "main")
    commit(repository, "c", "1")
    git(repository, "checkout", "-q", "feature")
    assert merge_base(str(repository), "main") == (common, "")
    assert merge_base(str(repository), common) == (common, "")


def test_a_shallow_clone_says_that_it_has_no_history(repository: Path, tmp_path: Path) -> None:
    first = commit(repository, "a", "1")
    commit(repository, "a", "2")
    git(repository, "branch", "other", first)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{repository}", str(clone))
    for revision in (first, "origin/other", "HEAD~1"):
        commit_found, why = merge_base(str(clone), revision)
        assert commit_found == ""
        assert why.startswith("this clone is shallow")
    git(clone, "fetch", "-q", "--depth=1", "origin", "other:other")
    assert merge_base(str(clone), "other")[1].startswith("this clone is shallow")


def test_there_may_be_nothing_to_compare_with(repository: Path) -> None:
    commit(repository, "a", "1")
    assert merge_base(str(repository), "0" * 40) == ("", "there is no earlier commit")
    gone = "1" * 40
    assert merge_base(str(repository), gone) == ("", f"this clone doesn't have `{gone}`")
    git(repository, "checkout", "-q", "--orphan", "alone")
    commit(repository, "b", "1")
    assert merge_base(str(repository), "main") == ("", "HEAD and `main` have no common history")


def test_a_revision_that_nobody_knows_is_refused(repository: Path, tmp_path: Path) -> None:
    commit(repository, "a", "1")
    with pytest.raises(UsageError, match="there is no `nowhere`"):
        merge_base(str(repository), "nowhere")
    with pytest.raises(UsageError, match="there is no `--help`"):
        merge_base(str(repository), "--help")
    with pytest.raises(UsageError, match="can't be had"):
        merge_base(str(tmp_path), "HEAD")
    with pytest.raises(UsageError, match="can't be had"), at_revision(str(repository), "nowhere"):
        pass


def test_it_works_in_a_hook_of_git_too(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = commit(repository, "shop/a", "1")
    monkeypatch.setenv("GIT_DIR", ".git")
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    assert merge_base(str(repository / "shop"), "HEAD") == (first, "")
    with at_revision(str(repository / "shop"), first) as folder:
        assert os.listdir(folder) == ["a"]
    assert not (tmp_path / "index").exists()


def test_what_is_tracked_is_in_git(repository: Path) -> None:
    commit(repository, "shop/a", "1")
    (repository / "shop" / "b").write_text("1")
    assert is_tracked(str(repository / "shop"), "a")
    assert not is_tracked(str(repository / "shop"), "b")
