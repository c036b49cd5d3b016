"""The process beside a private buildkitd: starts it, and stops it when nobody has used it for a while.

Arguments: the engine's folder, the seconds of idleness, then buildkitd's command line.
"""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from types import FrameType

POLL_S = 5.0
_GRACE_S = 20.0


def keep(folder: str, idle_s: float, command: list[str]) -> int:
    """Run buildkitd until it ends, this process is asked to stop, or it is idle."""
    signal.signal(signal.SIGTERM, _stop)
    buildkitd = subprocess.Popen(command)
    with open(os.path.join(folder, "pids"), "w", encoding="ascii") as file:
        file.write(f"{os.getpid()} {buildkitd.pid}")
    with contextlib.suppress(SystemExit):
        while buildkitd.poll() is None and not idle(folder, idle_s):
            with contextlib.suppress(subprocess.TimeoutExpired):
                buildkitd.wait(POLL_S)
    buildkitd.terminate()
    try:
        return buildkitd.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        buildkitd.kill()
        return buildkitd.wait()


def idle(folder: str, idle_s: float) -> bool:
    """Whether no build holds `in-use` and none has for `idle_s`."""
    path = os.path.join(folder, "in-use")
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        # The folder is gone, and with it whoever could use this engine.
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return time.time() - os.fstat(descriptor).st_mtime > idle_s
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)


def _stop(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(keep(sys.argv[1], float(sys.argv[2]), sys.argv[3:]))
