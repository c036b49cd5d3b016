"""The file system's clock."""

from pathlib import Path


def let_the_clock_tick(folder: Path) -> None:
    """With no safety margin for young files, an edit has to be later than what was looked at."""
    probe = folder / "tick"
    probe.write_text("")
    first = probe.stat().st_mtime_ns
    while probe.stat().st_mtime_ns == first:
        probe.write_text("")
