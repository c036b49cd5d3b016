"""The files of an image: layers upon layers, links followed."""

from pathlib import Path

from buildsys.images.contents import files_of, resolved
from buildsys.model.digest import digest_of
from tests.unit.containers.test_unpack import Layers, layer
from tests.unit.store.support import Place, seal


def image(tmp_path: Path, *layers: list[tuple[str, bytes | str]]) -> Layers:
    store = Place(str(tmp_path / "store")).store()
    paths = [layer(tmp_path / f"{n}.tar", *members) for n, members in enumerate(layers)]
    return Layers(store.blobs, seal(store, {"a": b""}), tuple(paths))


def test_later_layers_replace_remove_and_add(tmp_path: Path) -> None:
    files = files_of(
        image(
            tmp_path,
            [("etc/", b""), ("etc/a", b"old"), ("etc/b", b"gone"), ("opt/", b""), ("opt/x", b"x")],
            [("etc/a", b"new!"), ("etc/.wh.b", b""), ("opt/.wh..wh..opq", b""), ("opt/y", b"y")],
        )
    )
    assert list(files) == ["/etc", "/etc/a", "/opt", "/opt/y"]
    assert (files["/etc/a"].size, files["/etc/a"].layer) == (4, 1)
    assert files["/etc/a"].digest == digest_of(b"new!")
    assert files["/etc"].layer == 0


def test_a_removed_folder_takes_its_files_along(tmp_path: Path) -> None:
    files = files_of(image(tmp_path, [("a/", b""), ("a/b", b""), ("ab", b"")], [(".wh.a", b"")]))
    assert list(files) == ["/ab"]


def test_a_file_in_the_place_of_a_folder_hides_it(tmp_path: Path) -> None:
    files = files_of(image(tmp_path, [("a/", b""), ("a/b", b"")], [("a", b"file")]))
    assert list(files) == ["/a"]


def test_whiteouts_leave_what_their_own_layer_adds(tmp_path: Path) -> None:
    files = files_of(image(tmp_path, [("a", b"1")], [("a", b"2"), (".wh.a", b"")]))
    assert files["/a"].digest == digest_of(b"2")


def test_readers_see_the_content_of_files(tmp_path: Path) -> None:
    seen: list[tuple[str, bytes]] = []
    files_of(
        image(tmp_path, [("a", b"1"), ("l", "a")], [("b", b"2")]),
        lambda path, content: seen.append((path, content)),
    )
    assert seen == [("/a", b"1"), ("/b", b"2")]


def test_links_are_followed_in_files_and_folders(tmp_path: Path) -> None:
    files = files_of(
        image(
            tmp_path,
            [
                ("usr/bin/python3.13", b"!"), ("usr/bin/python3", "python3.13"), ("bin", "usr/bin"),
                ("opt/python", "/bin/python3"), ("up", "opt/../opt/python"), ("loop", "loop"),
                ("gone", "nowhere"),
            ],
        )
    )  # fmt: skip
    for path in ("/opt/python", "/bin/python3", "/up"):
        found = resolved(files, path)
        assert found is not None
        assert found.path == "/usr/bin/python3.13"
    assert resolved(files, "/loop") is None
    assert resolved(files, "/gone") is None
