"""State that isn't written to the disk at once is dropped after a crash of the machine, and only then."""

from pathlib import Path

from buildsys.engine.unsynced import began, ended


def boot(tmp_path: Path, name: str) -> str:
    (tmp_path / name).write_text(f"{name}\n")
    return str(tmp_path / name)


def engine(tmp_path: Path) -> Path:
    folder = tmp_path / "engine"
    (folder / "root").mkdir(parents=True)
    return folder


def test_what_an_engine_left_that_ended_is_kept(tmp_path: Path) -> None:
    folder = engine(tmp_path)
    ended(str(folder), began(str(folder), boot(tmp_path, "first")))
    assert not (folder / "running").exists()
    began(str(folder), boot(tmp_path, "second"))
    assert (folder / "root").is_dir()


def test_what_an_engine_left_that_was_killed_is_kept_while_the_machine_runs(tmp_path: Path) -> None:
    folder = engine(tmp_path)
    began(str(folder), boot(tmp_path, "first"))
    began(str(folder), boot(tmp_path, "first"))
    assert (folder / "root").is_dir()


def test_what_an_engine_left_when_the_machine_went_down_is_dropped(tmp_path: Path) -> None:
    folder = engine(tmp_path)
    began(str(folder), boot(tmp_path, "first"))
    began(str(folder), boot(tmp_path, "second"))
    assert not (folder / "root").exists()


def test_where_boots_cannot_be_told_apart_each_is_another_one(tmp_path: Path) -> None:
    folder = engine(tmp_path)
    began(str(folder), "/nowhere")
    began(str(folder), "/nowhere")
    assert not (folder / "root").exists()


def test_an_engine_that_ends_late_leaves_the_mark_of_the_next_one(tmp_path: Path) -> None:
    folder = engine(tmp_path)
    early = began(str(folder), boot(tmp_path, "first"))
    late = f"{early}1"
    (folder / "running").write_text(late)
    ended(str(folder), early)
    assert (folder / "running").read_text() == late
