"""Where the workspace is, and what the checkout remembers of builds."""

from pathlib import Path

import pytest

from buildsys.errors import UsageError
from buildsys.model.digest import ActionKey
from buildsys.model.label import Label
from buildsys.sights import Sights
from buildsys.workspace.last_built import LastBuilt
from buildsys.workspace.root import find_root, marks_workspace

API = Label("cmd/api", "api")
WEB = Label("cmd/web", "web")
ONE, TWO, THREE = (ActionKey(str(number) * 64) for number in (1, 2, 3))


def test_the_root_is_the_nearest_marked_folder_upwards(tmp_path: Path) -> None:
    deep = tmp_path / "cmd" / "api"
    deep.mkdir(parents=True)
    (tmp_path / "BUILD.yaml").write_text("workspace: outer\n")
    (deep / "BUILD.yaml").write_text("targets: []\n")
    assert find_root(str(deep), Sights()) == str(tmp_path.resolve())
    (tmp_path / "cmd" / "BUILD.yaml").write_text("# one more\nworkspace : inner\n")
    assert find_root(str(deep), Sights()) == str((tmp_path / "cmd").resolve())


def test_a_folder_reached_by_a_link_is_in_the_workspace_it_lies_in(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "BUILD.yaml").write_text("workspace: w\n")
    (tmp_path / "link").symlink_to("real")
    assert find_root(str(tmp_path / "link"), Sights()) == str((tmp_path / "real").resolve())


def test_outside_any_workspace_the_hint_says_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is in no workspace") as raised:
        find_root(str(tmp_path), Sights())
    assert "workspace: NAME" in raised.value.hint


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("workspace: w", True),
        ("a: 1\nworkspace: w\n", True),
        ("workspace:", True),
        ("  workspace: w", False),
        ("# workspace: w", False),
        ("workspaces: w", False),
        ("", False),
    ],
)
def test_a_workspace_is_marked_by_its_key(text: str, *, marked: bool) -> None:
    assert marks_workspace(text) is marked


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".bs" / "built.json"


def test_what_was_built_is_known_to_the_next_process(path: Path) -> None:
    LastBuilt(str(path)).update({API: {"image": ONE}, WEB: {"image": TWO}})
    LastBuilt(str(path)).update({API: {"image": THREE}})
    known = LastBuilt(str(path))
    assert known.key(API, "image") == THREE
    assert known.key(WEB, "image") == TWO
    assert known.key(API, "modules") is None
    assert known.keys() == (TWO, THREE)


def test_a_layer_that_failed_keeps_what_it_was_before(path: Path) -> None:
    LastBuilt(str(path)).update({API: {"modules": ONE, "image": TWO}})
    LastBuilt(str(path)).update({API: {"modules": THREE}})
    assert LastBuilt(str(path)).key(API, "image") == TWO


def test_what_came_and_what_went_is_told(tmp_path: Path) -> None:
    memory = LastBuilt(str(tmp_path / "built.json"))
    assert memory.update({API: {"modules": ONE, "image": TWO}}) == {ONE, TWO}
    assert memory.update({API: {"modules": ONE, "image": TWO}}) == frozenset()
    assert memory.update({API: {"image": THREE}}) == {TWO, THREE}
    assert memory.update({WEB: {"modules": ONE}}) == frozenset(), "the key was in use already"
    assert memory.keys([WEB]) == (ONE,)


def test_without_news_nothing_is_written(path: Path) -> None:
    memory = LastBuilt(str(path))
    memory.update({API: {"image": ONE}})
    path.unlink()
    memory.update({API: {"image": ONE}})
    assert not path.exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"null", b"[]", b"5", b'{"//cmd/api": 5}', b'{"//cmd/api": [1]}', b"\xff"],
)
def test_a_damaged_memory_is_empty(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    memory = LastBuilt(str(path))
    assert memory.key(API, "image") is None
    memory.update({API: {"image": ONE}})
    assert LastBuilt(str(path)).key(API, "image") == ONE


def test_a_memory_cut_at_any_byte_is_survived(path: Path) -> None:
    LastBuilt(str(path)).update({API: {"image": ONE}, WEB: {"image": TWO}})
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        assert LastBuilt(str(path)).key(API, "image") in {None, ONE}


def test_a_memory_that_cannot_be_written_is_no_failure(path: Path) -> None:
    path.parent.write_text("a file in the place of the folder")
    memory = LastBuilt(str(path))
    memory.update({API: {"image": ONE}})
    assert memory.key(API, "image") == ONE
