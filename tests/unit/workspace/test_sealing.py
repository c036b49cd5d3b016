"""Sealing: the bytes that were hashed are the bytes that are packed, or nothing is."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from buildsys.errors import InputChanged
from buildsys.model.action import CONSTANT_TIME
from buildsys.model.digest import digest_of
from buildsys.workspace.index import FileIndex
from buildsys.workspace.sealing import DiskSealer
from buildsys.workspace.tree import DiskTree
from tests.fakes import tar_contents


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return checkout(tmp_path / "checkout")


def checkout(folder: Path) -> Path:
    (folder / "cmd" / "api").mkdir(parents=True)
    (folder / "cmd" / "api" / "main.go").write_text("package main")
    (folder / "run.sh").write_text("#!/bin/sh")
    (folder / "run.sh").chmod(0o755)
    (folder / "link").symlink_to("cmd")
    (folder / "é\u2028.txt").write_text("text")
    (folder / ("long-" * 30)).write_text("long")
    return folder


PATHS = ("cmd/api/main.go", "run.sh", "link", "é\u2028.txt", "long-" * 30)


def states(root: Path, *paths: str) -> dict[str, str]:
    tree = DiskTree(str(root), FileIndex(""))
    return {path: str(tree.state(path)) for path in paths or PATHS}


def packed(root: Path, inputs: dict[str, str], derived: dict[str, str] | None = None) -> bytes:
    into = io.BytesIO()
    DiskSealer(str(root)).pack(inputs, derived or {}, into)
    return into.getvalue()


def test_exactly_the_declared_files_are_packed(root: Path) -> None:
    inputs = states(root, "cmd/api/main.go", "run.sh", "link") | {"src/lib.rs": "empty"}
    assert tar_contents(packed(root, inputs)) == {
        "cmd/api/main.go": "file b'package main'",
        "run.sh": "program b'#!/bin/sh'",
        "link": "link to cmd",
        "src/lib.rs": "file b''",
    }


def test_a_derived_file_has_the_text_that_was_hashed_whatever_the_checkout_has(root: Path) -> None:
    inputs = {
        "run.sh": str(digest_of(b"module x\n")),
        "cmd/api/go.mod": str(digest_of("é".encode())),
    }
    derived = {"run.sh": "module x\n", "cmd/api/go.mod": "é"}
    assert tar_contents(packed(root, inputs, derived)) == {
        "cmd/api/go.mod": f"file {'é'.encode()!r}",
        "run.sh": "file b'module x\\n'",
    }


def test_every_folder_comes_before_what_is_in_it(root: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(packed(root, states(root)))) as tar:
        names = tar.getnames()
    assert names[:2] == ["cmd", "cmd/api"]
    assert len(set(names)) == len(names)


def test_nothing_of_the_machine_is_in_the_tar(root: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(packed(root, states(root)))) as tar:
        for member in tar:
            assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "", "")
            assert member.mtime == CONSTANT_TIME
            assert member.mode in {0o755, 0o644, 0o777}


def test_the_same_files_are_the_same_bytes_at_any_place_time_and_mode(
    root: Path, tmp_path: Path
) -> None:
    other = checkout(tmp_path / "elsewhere" / "deeper")
    (other / "cmd" / "api" / "main.go").chmod(0o600)
    (other / "run.sh").chmod(0o711)
    os.utime(other / "run.sh", ns=(5, 5))
    backwards = dict(reversed(states(other).items()))
    assert packed(other, backwards) == packed(root, states(root))


@pytest.mark.parametrize("change", ["content", "mode", "gone", "link", "folder", "fifo"])
def test_a_file_that_is_not_as_it_was_hashed_is_refused(root: Path, change: str) -> None:
    inputs = states(root)
    file = root / "cmd" / "api" / "main.go"
    found = file.stat()
    if change == "content":
        file.write_text("package niam")
        os.utime(file, ns=(found.st_atime_ns, found.st_mtime_ns))
    elif change == "mode":
        file.chmod(0o755)
    else:
        file.unlink()
    if change == "link":
        file.symlink_to("/etc/passwd")
    if change == "folder":
        file.mkdir()
    if change == "fifo":
        os.mkfifo(file)
    with pytest.raises(InputChanged, match=r"^cmd/api/main\.go: "):
        packed(root, inputs)


def test_a_link_that_leads_elsewhere_is_refused(root: Path) -> None:
    inputs = states(root)
    (root / "link").unlink()
    (root / "link").symlink_to("cmd/api")
    with pytest.raises(InputChanged, match="link"):
        packed(root, inputs)


def test_a_file_that_enters_by_name_need_not_be_there(root: Path) -> None:
    assert tar_contents(packed(root, {"gone.rs": "empty"})) == {"gone.rs": "file b''"}
