"""Where root file systems are made."""

import os
from pathlib import Path

from buildsys.engine.in_memory import MEMORY_BYTES, working_folder


def meminfo(folder: Path, available: int) -> str:
    path = folder / "meminfo"
    path.write_text(f"MemTotal: 99 kB\nMemAvailable:   {available // 1024} kB\nBuffers: 1 kB\n")
    return str(path)


def test_in_memory_where_there_is_plenty(tmp_path: Path) -> None:
    plenty = meminfo(tmp_path, 2 * MEMORY_BYTES)
    found = working_folder("/on/disk", memory=str(tmp_path), meminfo=plenty)
    assert found == f"{tmp_path}/bs-{os.getuid()}"


def test_on_disk_where_memory_is_short_or_nobody_knows(tmp_path: Path) -> None:
    short = meminfo(tmp_path, MEMORY_BYTES - 1_000_000)
    assert working_folder("/on/disk", memory=str(tmp_path), meminfo=short) == "/on/disk"
    assert working_folder("/on/disk", memory=str(tmp_path), meminfo="/nowhere") == "/on/disk"


def test_on_disk_where_programs_cannot_run_in_memory(tmp_path: Path) -> None:
    plenty = meminfo(tmp_path, 2 * MEMORY_BYTES)
    assert working_folder("/on/disk", memory="/proc", meminfo=plenty) == "/on/disk"
    assert working_folder("/on/disk", memory="/nowhere", meminfo=plenty) == "/on/disk"


def test_on_disk_where_somebody_else_could_write(tmp_path: Path) -> None:
    plenty = meminfo(tmp_path, 2 * MEMORY_BYTES)
    there = tmp_path / f"bs-{os.getuid()}"
    there.symlink_to(tmp_path)
    assert working_folder("/on/disk", memory=str(tmp_path), meminfo=plenty) == "/on/disk"
    there.unlink()
    there.mkdir()
    there.chmod(0o777)
    assert working_folder("/on/disk", memory=str(tmp_path), meminfo=plenty) == "/on/disk"
    there.chmod(0o700)
    assert working_folder("/on/disk", memory=str(tmp_path), meminfo=plenty) == str(there)
