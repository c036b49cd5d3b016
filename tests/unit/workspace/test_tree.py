"""The files of a checkout on a real disk."""

import os
from pathlib import Path

import pytest

from buildsys.answers import WIDTH, stat_of
from buildsys.errors import BuildFileError
from buildsys.model.digest import digest_of
from buildsys.model.files import FileState
from buildsys.workspace.index import FileIndex
from buildsys.workspace.tree import IGNORED, DiskTree, state_now

LONG_AGO = 1_000_000_000_000_000_000


class Lines:
    """A reader that counts how often it reads."""

    name = "lines/1"

    def __init__(self) -> None:
        self.reads = 0

    def read(self, text: str) -> list[str]:
        self.reads += 1
        return text.splitlines()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    folder.mkdir()
    return folder


def tree_of(root: Path, index: FileIndex | None = None) -> DiskTree:
    return DiskTree(str(root), index or FileIndex(""))


def write(root: Path, path: str, content: str = "x") -> Path:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    return file


def trusting(root: Path) -> FileIndex:
    """An index to which every file here is old enough."""
    return FileIndex(str(root / ".bs" / "index"), _now_ns=2**62)


def test_folders_of_other_tools_are_not_there(root: Path) -> None:
    for name in (*IGNORED, "cmd"):
        write(root, f"{name}/file")
        write(root, f"deep/{name}/file")
    assert tree_of(root).files_below("") == ("cmd/file", "deep/cmd/file")


def test_caches_and_other_workspaces_are_not_there(root: Path) -> None:
    write(root, "BUILD.yaml", "workspace: this\n")
    write(root, "target/CACHEDIR.TAG")
    write(root, "target/release/lib.rs")
    write(root, "example/BUILD.yaml", "# mine\nworkspace: another\n")
    write(root, "example/main.go")
    write(root, "cmd/BUILD.yaml", "targets: []\n")
    assert tree_of(root).files_below("") == ("BUILD.yaml", "cmd/BUILD.yaml")


def test_a_cache_tag_in_the_root_does_not_hide_the_workspace(root: Path) -> None:
    write(root, "CACHEDIR.TAG")
    assert tree_of(root).files_below("") == ("CACHEDIR.TAG",)


def test_a_file_is_its_content_and_whether_it_can_be_executed(root: Path) -> None:
    file = write(root, "run.sh")
    states = []
    for mode in (0o644, 0o600, 0o444, 0o755, 0o700, 0o111):
        file.chmod(mode)
        states.append(tree_of(root).state("run.sh"))
    plain, program = FileState(digest_of(b"x")), FileState(digest_of(b"x"), executable=True)
    assert states == [plain] * 3 + [program] * 3


def test_an_edit_that_keeps_size_and_mtime_is_seen(root: Path) -> None:
    index = trusting(root)
    file = write(root, "a.go", "one")
    os.utime(file, ns=(LONG_AGO, LONG_AGO))
    before = tree_of(root, index).state("a.go")
    assert index.digest("a.go", bytes(WIDTH)) is None
    for content in ("two", "six", "ten"):
        file.write_text(content)
        os.utime(file, ns=(LONG_AGO, LONG_AGO))
        after = tree_of(root, index).state("a.go")
        assert after != before
        assert after.digest == digest_of(content.encode())
        before = after


def test_a_file_replaced_by_another_of_the_same_size_and_mtime_is_seen(root: Path) -> None:
    index = trusting(root)
    file, other = write(root, "a.go", "one"), write(root, "b.go", "two")
    for path in (file, other):
        os.utime(path, ns=(LONG_AGO, LONG_AGO))
    tree_of(root, index).state("a.go")
    other.replace(file)
    assert tree_of(root, index).state("a.go").digest == digest_of(b"two")


def test_an_unchanged_file_is_not_read_again(root: Path) -> None:
    index = trusting(root)
    file = write(root, "a.go", "one")
    known = tree_of(root, index).state("a.go")
    stat = stat_of(file.stat())
    assert index.digest("a.go", stat) == known.digest
    index.learn("a.go", stat, digest_of(b"as remembered"))
    assert tree_of(root, index).state("a.go").digest == digest_of(b"as remembered")


def test_one_tree_gives_one_answer(root: Path) -> None:
    file = write(root, "a.go", "one")
    tree = tree_of(root)
    before = tree.state("a.go")
    file.write_text("two")
    assert tree.state("a.go") == before
    assert tree_of(root).state("a.go") != before


def test_facts_are_remembered_by_content_whatever_the_path(root: Path) -> None:
    write(root, "a.txt", "1\n2")
    write(root, "b.txt", "1\n2")
    write(root, "c.txt", "3")
    tree, reader = tree_of(root), Lines()
    found = [tree.facts(path, reader) for path in ("a.txt", "b.txt", "a.txt", "c.txt")]
    assert found == [["1", "2"], ["1", "2"], ["1", "2"], ["3"]]
    assert reader.reads == 2


def test_a_link_to_a_file_inside_is_that_file(root: Path) -> None:
    write(root, "shared/a.txt", "hello").chmod(0o755)
    (root / "cmd").mkdir()
    (root / "cmd" / "a.txt").symlink_to("../shared/a.txt")
    tree = tree_of(root)
    assert tree.files_below("cmd") == ("cmd/a.txt",)
    assert tree.state("cmd/a.txt") == FileState(digest_of(b"hello"), executable=True)
    assert tree.text("cmd/a.txt") == "hello"


def test_what_a_link_leads_to_is_looked_at_each_time(root: Path) -> None:
    index = trusting(root)
    target = write(root, "shared/a.txt", "one")
    (root / "a.txt").symlink_to("shared/a.txt")
    before = tree_of(root, index).state("a.txt")
    target.write_text("two")
    assert tree_of(root, index).state("a.txt") != before


def test_a_link_to_a_folder_inside_is_a_link_and_not_followed(root: Path) -> None:
    write(root, "shared/a.txt")
    (root / "cmd").symlink_to("shared")
    assert tree_of(root).files_below("") == ("cmd", "shared/a.txt")
    assert tree_of(root).state("cmd") == FileState(link="shared")


def test_a_link_to_nothing_inside_is_a_link(root: Path) -> None:
    (root / "later").symlink_to("not/there")
    assert tree_of(root).state("later") == FileState(link="not/there")


@pytest.mark.parametrize("target", ["/etc/passwd", "../secret", "..", "/", "sub/../../secret"])
def test_a_link_out_of_the_workspace_is_refused(root: Path, target: str) -> None:
    (root.parent / "secret").write_text("canary")
    (root / "link").symlink_to(target)
    for look in (tree_of(root).state, tree_of(root).text):
        with pytest.raises(BuildFileError, match=r"link: a symbolic link that leaves"):
            look("link")
    with pytest.raises(BuildFileError):
        state_now(str(root), "link")


def test_a_folder_beside_with_a_longer_name_is_outside(root: Path) -> None:
    (root.parent / "checkout-2").mkdir()
    (root.parent / "checkout-2" / "secret").write_text("canary")
    (root / "link").symlink_to("../checkout-2/secret")
    with pytest.raises(BuildFileError, match="leaves the workspace"):
        tree_of(root).state("link")


def test_a_fifo_is_refused_and_nobody_waits_for_it(root: Path) -> None:
    os.mkfifo(root / "pipe")
    with pytest.raises(BuildFileError, match="pipe: not a regular file"):
        tree_of(root).state("pipe")
    (root / "link").symlink_to("pipe")
    assert tree_of(root).state("link") == FileState(link="pipe")


@pytest.mark.parametrize("path", ["nothing", "a\0b", "folder/nothing"])
def test_what_is_not_there_is_refused(root: Path, path: str) -> None:
    with pytest.raises(BuildFileError, match="no such file"):
        tree_of(root).state(path)
    assert not tree_of(root).is_file(path)


def test_a_folder_is_no_file(root: Path) -> None:
    write(root, "cmd/a.txt")
    assert not tree_of(root).is_file("cmd")
    with pytest.raises(BuildFileError, match="cmd: can't be read: Is a directory"):
        tree_of(root).state("cmd")


def test_text_that_is_not_utf8_says_where(root: Path) -> None:
    (root / "a.txt").write_bytes(b"ab\xff")
    with pytest.raises(BuildFileError, match=r"a\.txt: not UTF-8 at byte 2"):
        tree_of(root).text("a.txt")


def test_the_state_of_this_moment_is_past_any_memory(root: Path) -> None:
    file = write(root, "a.go", "one")
    assert state_now(str(root), "a.go") == (FileState(digest_of(b"one")), b"one")
    file.write_text("two")
    assert state_now(str(root), "a.go") == (FileState(digest_of(b"two")), b"two")
