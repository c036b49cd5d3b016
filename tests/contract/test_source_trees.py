"""The contract of `SourceTree` and `FileStates`, for the disk and for the doubles."""

from collections.abc import Callable
from pathlib import Path

import pytest

from buildsys.errors import BuildFileError
from buildsys.model.digest import digest_of
from buildsys.model.files import FileStates
from buildsys.model.sources import SourceTree
from buildsys.workspace.index import FileIndex
from buildsys.workspace.tree import DiskTree
from tests.fake_tree import DictTree
from tests.fakes import DictFiles, File

FILES = {
    "BUILD.yaml": "workspace: w\n",
    "cmd/api/main.go": "package main\n",
    "cmd/api/deep/x.go": "package deep\n",
    "cmd/api2/main.go": "package main\n",
    "cmd.txt": "é\u2028\r\n",
    "empty": "",
}
MakeTree = Callable[[Path], SourceTree]
MakeStates = Callable[[Path], FileStates]


def on_disk(folder: Path) -> DiskTree:
    for path, text in FILES.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, newline="")
    return DiskTree(str(folder), FileIndex(""))


def in_a_dict(_folder: Path) -> DictTree:
    return DictTree(FILES)


def states_in_a_dict(_folder: Path) -> DictFiles:
    return DictFiles({path: File(text.encode()) for path, text in FILES.items()})


@pytest.fixture(params=[on_disk, in_a_dict], ids=["disk", "dict"])
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> SourceTree:
    make: MakeTree = request.param
    return make(tmp_path)


@pytest.fixture(params=[on_disk, states_in_a_dict], ids=["disk", "dict"])
def states(request: pytest.FixtureRequest, tmp_path: Path) -> FileStates:
    make: MakeStates = request.param
    return make(tmp_path)


class Words:
    """Counts what it reads."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.texts: list[str] = []

    def read(self, text: str) -> list[str]:
        self.texts.append(text)
        return [self.name, *text.split()]


def test_all_files_below_a_folder_are_listed_in_order(tree: SourceTree) -> None:
    assert tree.files_below("") == tuple(sorted(FILES))
    assert tree.files_below("cmd/api") == ("cmd/api/deep/x.go", "cmd/api/main.go")
    assert tree.files_below("nothing") == ()


def test_names_in_a_folder_are_those_of_its_files(tree: SourceTree) -> None:
    assert tree.files_in("cmd/api") == ("main.go",)
    assert tree.files_in("") == ("BUILD.yaml", "cmd.txt", "empty")
    assert tree.files_in("cmd") == ()
    assert tree.files_in("nothing/here") == ()


def test_files_are_told_from_folders_and_from_nothing(tree: SourceTree) -> None:
    found = [tree.is_file(path) for path in ("cmd/api/main.go", "empty", "cmd", "cmd/ap", "x/y")]
    assert found == [True, True, False, False, False]


def test_text_is_what_was_written_to_the_last_byte(tree: SourceTree) -> None:
    assert {path: tree.text(path) for path in FILES} == FILES


def test_facts_are_read_once_for_each_content_and_reader(tree: SourceTree) -> None:
    words, others = Words("words/1"), Words("words/2")
    paths = ("cmd/api/main.go", "cmd/api2/main.go", "cmd/api/main.go")
    assert [tree.facts(path, words) for path in paths] == [["words/1", "package", "main"]] * 3
    assert tree.facts(paths[0], others) == ["words/2", "package", "main"]
    assert len(words.texts) == len(others.texts) == 1


def test_a_missing_file_is_refused_with_its_path(tree: SourceTree) -> None:
    with pytest.raises(BuildFileError) as raised:
        tree.text("cmd/nothing.go")
    assert str(raised.value.at) == "cmd/nothing.go"
    with pytest.raises(BuildFileError):
        tree.facts("cmd/nothing.go", Words("words/1"))


def test_states_are_the_digests_of_the_bytes(states: FileStates) -> None:
    for path, text in FILES.items():
        assert str(states.state(path)) == digest_of(text.encode())
    with pytest.raises(BuildFileError) as raised:
        states.state("cmd/nothing.go")
    assert str(raised.value.at) == "cmd/nothing.go"
