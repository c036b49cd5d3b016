"""The folder of the store: exports, adoption, what is left behind, what is cleaned."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from buildsys.errors import MachineError
from buildsys.execution.ports import ActionRecord
from buildsys.model.action import ActionResult
from buildsys.model.digest import ImageDigest
from buildsys.store import durable
from buildsys.store.disk_store import DiskStore
from tests.fakes import blob_path, tar_of, write_image
from tests.unit.store.support import KEY, MANIFEST, OTHER_KEY, Place, put, rewrite, seal


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(str(tmp_path / "store"))


def adopt(store: DiskStore, content: bytes = b"built") -> ActionResult:
    with store.exporting() as folder:
        blobs = write_image(folder, tar_of({"file": content}))
        adopted = store.adopt(folder, ImageDigest(blobs[0].digest))
    return ActionResult(ImageDigest(adopted[0].digest), adopted, 0)


def test_an_exported_image_is_adopted_whole_and_safe_from_writing(place: Place) -> None:
    result = adopt(place.store())
    assert [os.stat(place.blob_path(blob)).st_mode & 0o222 for blob in result.blobs[1:]] == [0, 0]
    place.store().put(ActionRecord(KEY, MANIFEST, result, {}))
    assert place.store().get(KEY) == result


def test_a_layer_that_is_there_already_is_not_copied_again(place: Place) -> None:
    store = place.store()
    first = adopt(store)
    inodes = [os.stat(place.blob_path(blob)).st_ino for blob in first.blobs]
    with store.exporting([first.blobs[2].digest]) as folder:
        linked = blob_path(folder, first.blobs[2].digest)
        assert os.path.islink(linked)
        assert os.path.samefile(linked, place.blob_path(first.blobs[2]))
    assert adopt(store).blobs == first.blobs
    assert [os.stat(place.blob_path(blob)).st_ino for blob in first.blobs] == inodes


def test_an_export_that_is_not_what_it_says_is_refused(place: Place) -> None:
    store = place.store()
    with store.exporting() as folder:
        blobs = write_image(folder, tar_of({}))
        manifest = blob_path(folder, blobs[0].digest)
        rewrite(manifest, Path(manifest).read_bytes() + b" ")
        with pytest.raises(MachineError, match="exported no image"):
            store.adopt(folder, ImageDigest(blobs[0].digest))


def test_an_export_that_relied_on_a_blob_that_went_away_is_refused(place: Place) -> None:
    store = place.store()
    known = adopt(store).blobs[2]
    with store.exporting([known.digest]) as folder:
        content = Path(place.blob_path(known)).read_bytes()
        os.unlink(blob_path(folder, known.digest))
        blobs = write_image(folder, content)
        os.unlink(blob_path(folder, known.digest))
        os.symlink(place.blob_path(known), blob_path(folder, known.digest))
        os.unlink(place.blob_path(known))
        with pytest.raises(MachineError, match="went away during the build"):
            store.adopt(folder, ImageDigest(blobs[0].digest))


def test_private_folders_are_removed_at_the_end_even_of_a_failure(place: Place) -> None:
    store = place.store()
    with pytest.raises(ZeroDivisionError), store.exporting():
        raise ZeroDivisionError
    assert os.listdir(place.path("tmp")) == []


LEFT_BEHIND = """
import os, signal, sys
from buildsys.store.scratch import private_folder
with private_folder(sys.argv[1]) as folder:
    open(folder + "/layer", "w").write("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_folders_of_dead_processes_are_swept_and_those_of_the_living_are_not(place: Place) -> None:
    tmp = place.path("tmp")
    killed = subprocess.run([sys.executable, "-c", LEFT_BEHIND, tmp], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(os.listdir(tmp)) == 2
    with place.store().exporting() as alive:
        assert os.path.exists(alive)
        with place.store().exporting():
            assert os.path.exists(alive)
            assert len(os.listdir(tmp)) == 4
    assert os.listdir(tmp) == []


def test_sealed_layers_are_the_same_bytes_each_time(place: Place) -> None:
    store = place.store()
    assert seal(store, {"a": b"1"}) == seal(store, {"a": b"1"})
    packed = seal(store, {"a": b"1"}, compressed=True)
    assert packed == seal(store, {"a": b"1"}, compressed=True)
    assert packed.digest != seal(store, {"a": b"1"}).digest


@pytest.mark.parametrize("compressed", [False, True])
def test_unpacked_bytes_are_those_of_the_files(place: Place, *, compressed: bool) -> None:
    store = place.store()
    layer = seal(store, {"a": b"123", "b": b"x" * 5000}, compressed=compressed).blobs[2].digest
    assert store.unpacked_bytes(layer) == 5003
    assert place.store().unpacked_bytes(layer) == 5003


def test_a_damaged_size_memo_is_counted_again(place: Place) -> None:
    layer = seal(place.store(), {"a": b"123"}).blobs[2].digest
    assert place.store().unpacked_bytes(layer) == 3
    Path(place.path("sizes", layer.removeprefix("sha256:"))).write_bytes(b"-1 nonsense")
    assert place.store().unpacked_bytes(layer) == 3


def test_records_are_all_that_can_be_read(place: Place) -> None:
    store = place.store()
    put(store)
    put(store, OTHER_KEY, b"other")
    Path(place.record_path(OTHER_KEY)).write_bytes(b"damaged")
    Path(place.record_path(KEY) + ".tmp-1234").write_bytes(b"left behind")
    assert [record.key for record in store.records()] == [KEY]


def test_removing_all_leaves_a_store_that_works(place: Place) -> None:
    result = put(place.store())
    assert place.store().remove_all() > 0
    assert place.store().get(KEY) is None
    assert put(place.store()) == result


def test_a_lock_dies_with_its_process(place: Place) -> None:
    program = (
        "import os, signal, sys\n"
        "from buildsys.store.disk_store import DiskStore\n"
        "with DiskStore(sys.argv[1], '', print).lock(sys.argv[2]):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", program, place.folder, KEY], check=False)
    with place.store().lock(KEY):
        pass


WRITER = """
import sys
from buildsys.store import durable
contents = [b"a" * 60000, b"b" * 60000]
sys.stdout.write("ready"); sys.stdout.flush()
turn = 0
while True:
    durable.write(sys.argv[1], contents[turn % 2]); turn += 1
"""


@pytest.mark.slow
def test_a_killed_writer_leaves_the_old_content_or_the_new(tmp_path: Path) -> None:
    path = str(tmp_path / "file")
    durable.write(path, b"a" * 60000)
    for round_ in range(6):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        assert writer.stdout.read(5) == "ready"
        seen = 0
        while seen <= round_ * 3:  # a different moment each time, and no clock in it
            content = durable.read(path)
            assert content in {b"a" * 60000, b"b" * 60000}
            seen += 1
        writer.kill()
        writer.wait()
        writer.stdout.close()
        assert durable.read(path) in {b"a" * 60000, b"b" * 60000}


def test_a_failing_write_leaves_the_old_content_and_no_temporary(tmp_path: Path) -> None:
    folder = tmp_path / "taken"
    folder.mkdir()
    (folder / "inside").touch()
    with pytest.raises(MachineError, match="can't write"):
        durable.write(str(folder), b"new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["taken"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux only")
def test_a_full_disk_is_named() -> None:
    with (
        pytest.raises(MachineError, match="No space left") as raised,
        durable.cannot_write("/x"),
        open("/dev/full", "wb", buffering=0) as file,
    ):
        file.write(b"x")
    assert raised.value.exit_code == 36
    assert "make room" in raised.value.hint
