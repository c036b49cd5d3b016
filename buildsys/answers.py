"""Answers that are remembered: what a command printed, and the stat of everything that it looked at.

A command that changed nothing says the same again for as long as all that it looked at is as it was. Finding
that out needs a stat of each file and nothing else of bs, so that it is over before anything is imported.

Format of `.bs/answers/NAME`: a magic line with the version of this format and of Python (marshal's differs),
a line with the xxh3 of the rest in hex, then marshal of `(question, exit code, text, paths, stats)`. NAME is
the xxh3 of the question. It's a memory, not a truth: with any damage or doubt the command runs.
"""

import marshal
import os
import sys

# Not even collections.abc: what this module imports is the better part of what a no-op costs.

Stat = tuple[int, int, int, int, int]
"""Size, mtime (ns), ctime (ns), inode, mode."""

RACY_NS = 2_000_000_000
"""A file younger than this may change again within the clock's grain, and its stat stay the same.

Two seconds is the coarsest grain of a file system in use (FAT), and what ccache takes.
"""

_MAGIC = f"buildsys answer 1 {sys.implementation.cache_tag}\n".encode()
_ENVIRONMENT = ("BUILDKIT_HOST", "CI", "HOME", "NO_COLOR", "XDG_CACHE_HOME")
"""Variables that answers depend on, beside all that begin with BS_."""
_MANY = 64
"""Questions asked in one workspace, before old answers are thrown away."""
_ROWS_FOR_TWO = 20_000
"""Above this many files, a second process pays for itself."""

_Row = tuple[str, bool, Stat | None]
"""A path, whether links are followed, and what was found: None where there was nothing."""


def stat_of(found: os.stat_result) -> Stat:
    """What of a stat shows that a file is as it was."""
    return (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_mode)


class Sights:
    """What a command looked at, as it was when it first did."""

    __slots__ = ("_replaced", "_seen")

    def __init__(self) -> None:
        self._seen: dict[tuple[str, bool], Stat | None] = {}
        self._replaced: set[str] = set()

    def look(
        self, path: str, *, behind: bool = False, replaced: bool = False
    ) -> os.stat_result | None:
        """The stat of an absolute path, or of what is behind a link; None where there is nothing.

        `replaced` files are bs's own: never written into, only replaced by others, whose inode tells. They
        may be young.
        """
        if replaced:
            self._replaced.add(path)
        try:
            found = os.stat(path, follow_symlinks=behind)
        except (OSError, ValueError):
            found = None
        self._seen.setdefault((path, behind), stat_of(found) if found else None)
        return found

    def youngest_ns(self) -> int:
        """The last time at which something changed that may change without its stat telling."""
        ages = (
            max(found[1], found[2])
            for (path, _), found in self._seen.items()
            if found and path not in self._replaced
        )
        return max(ages, default=0)

    def rows(self) -> list[_Row]:
        return [(path, behind, found) for (path, behind), found in self._seen.items()]


def remember(
    root: str, arguments: tuple[str, ...], answer: tuple[int, str], sights: Sights, now_ns: int
) -> None:
    """Keep the exit code and text of a command that ran in the workspace at `root`.

    `now_ns` is the file system's clock before anything was looked at. Nothing is kept if something was so
    young then that it may have changed unseen; failing to write costs time the next time, nothing else.
    """
    for path in _own_files():
        sights.look(path)
    if sights.youngest_ns() + RACY_NS > now_ns:
        return
    rows = sights.rows()
    question = _question(arguments)
    folder = os.path.join(root, ".bs", "answers")
    paths = [("=" if behind else "-") + path for path, behind, _ in rows]
    payload = marshal.dumps((question, *answer, paths, [found for _, _, found in rows]))
    path = os.path.join(folder, _checksum(question.encode()))
    temporary = f"{path}.tmp-{os.getpid()}"
    try:
        _make_room(folder)
        with open(temporary, "wb") as file:
            file.write(_MAGIC + _checksum(payload).encode() + b"\n" + payload)
        os.replace(temporary, path)
    except OSError:
        return


def recall(arguments: tuple[str, ...]) -> tuple[int, str] | None:
    """The exit code and text that running the command would give, if that is certain."""
    if not arguments:
        return None
    question = _question(arguments)
    name = _checksum(question.encode())
    folder = os.getcwd()
    while True:
        known = _read(os.path.join(folder, ".bs", "answers", name))
        if known is not None and known[0] == question:
            _, code, text, paths, stats = known
            return (code, text) if _unchanged(paths, stats) else None
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above


def _question(arguments: tuple[str, ...]) -> str:
    """All that decides about the answer and is in no file."""
    named = [n for n in os.environ if n in _ENVIRONMENT or n.startswith("BS_")]
    parts = [
        os.getcwd(),
        sys.prefix,
        f"{sys.stdout.isatty()} {sys.stderr.isatty()}",
        *(f"{name}={os.environ[name]}" for name in sorted(named)),
        "",
        *arguments,
    ]
    return "\0".join(parts)


def _own_files() -> list[str]:
    """The files of bs itself: another version may answer otherwise."""
    found: list[str] = []
    for folder, folders, names in os.walk(os.path.dirname(__file__)):
        folders[:] = [name for name in folders if name != "__pycache__"]
        found += [folder, *(os.path.join(folder, name) for name in names)]
    return found


def _read(path: str) -> tuple[str, int, str, list[str], list[Stat | None]] | None:
    try:
        with open(path, "rb") as file:
            magic, checksum, payload = file.readline(), file.readline(), file.read()
    except OSError:
        return None
    if magic != _MAGIC or checksum.decode("ascii", "replace").strip() != _checksum(payload):
        return None
    found: tuple[str, int, str, list[str], list[Stat | None]] = marshal.loads(payload)  # noqa: S302 - checked above
    return found


def _unchanged(paths: list[str], stats: list[Stat | None]) -> bool:
    if len(paths) < _ROWS_FOR_TWO:
        return _same(paths, stats)
    middle = len(paths) // 2
    child = os.fork()
    if child == 0:
        os._exit(0 if _same(paths[middle:], stats[middle:]) else 1)
    same = _same(paths[:middle], stats[:middle])
    return os.waitpid(child, 0)[1] == 0 and same


def _same(paths: list[str], stats: list[Stat | None]) -> bool:
    # All in local names: this loop is what a no-op costs in a large workspace.
    lstat, stat = os.lstat, os.stat
    for path, known in zip(paths, stats, strict=True):
        try:
            s = lstat(path[1:]) if path[0] == "-" else stat(path[1:])
        except (OSError, ValueError):
            if known is not None:
                return False
            continue
        if (s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino, s.st_mode) != known:
            return False
    return True


def _make_room(folder: str) -> None:
    os.makedirs(folder, exist_ok=True)
    names = os.listdir(folder)
    if len(names) >= _MANY:
        for name in names:
            os.unlink(os.path.join(folder, name))


def _checksum(content: bytes) -> str:
    import xxhash  # noqa: PLC0415 - only for commands that may have an answer

    return str(xxhash.xxh3_64_hexdigest(content))
