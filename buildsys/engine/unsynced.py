"""BuildKit's state, whose database doesn't wait for the disk: not to be trusted once the machine went down.

While an engine runs, its folder has a file `running` with the id of the machine's current boot. It is removed
once the engine has ended and everything was written to the disk. Found with the id of another boot, it says
that the machine went down before: then the state may be half written, and is dropped. All that is lost is time.
"""

import contextlib
import os
import shutil

_BOOT_ID = "/proc/sys/kernel/random/boot_id"


def began(folder: str, boot_file: str = _BOOT_ID) -> str:
    """Before an engine starts: drop its state if that may be half written. Returns what `ended` needs."""
    boot, marker = _read(boot_file), os.path.join(folder, "running")
    if _read(marker).partition(" ")[0] not in {"", boot}:
        shutil.rmtree(os.path.join(folder, "root"), ignore_errors=True)
    # Where nobody tells boots apart, each is another one.
    mark = f"{boot or 'unknown'} {os.getpid()}"
    with open(marker, "w", encoding="ascii") as file:
        file.write(mark)
        file.flush()
        os.fsync(file.fileno())
    return mark


def ended(folder: str, mark: str) -> None:
    """After the engine has ended, and nothing writes to its state unless another one was started."""
    os.sync()
    marker = os.path.join(folder, "running")
    if _read(marker) == mark:
        with contextlib.suppress(OSError):
            os.unlink(marker)


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read().strip()
    except (OSError, ValueError):
        return ""
