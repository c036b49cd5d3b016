"""Answers that are remembered: what a command printed, and the stat of everything that it looked at.

A command that changed nothing says the same again for as long as all that it looked at is as it was. Finding
that out needs a stat of each file and nothing else of bs, so that it is over before anything is imported.

Format of `.bs/answers/NAME`: a magic line with the version of this format and of Python (marshal's differs),
a line with the xxh3 of the rest in hex and its length, then marshal of `(question, exit code, text, root,
paths, counts, stats)`. NAME is the xxh3 of the question; `stats` are the numbers of all files one after
another, as comparing a thousand at once is much quicker than one after another. It's a memory, not a truth:
with any damage or doubt the command runs.
"""

import marshal
import os
import sys
from struct import error as StructError  # noqa: N812 - it is an exception
from struct import pack, unpack

TYPE_CHECKING = False  # as in typing, which takes too long to import

# Not even collections.abc: what this module imports is the better part of what a no-op costs.

Stat = bytes
"""Size, mtime (ns), ctime (ns), inode and mode, eight bytes each: a fifth of what five numbers take."""
WIDTH = 40
_LARGEST = (1 << 63) - 1

RACY_NS = 2_000_000_000
"""A file younger than this may change again within the clock's grain, and its stat stay the same.

Two seconds is the coarsest grain of a file system in use (FAT), and what ccache takes.
"""

MAGIC = f"buildsys answer 2 {sys.implementation.cache_tag} {sys.byteorder}\n".encode()
_ENVIRONMENT = (
    "BUILDKIT_HOST", "CI", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "HOME", "NO_COLOR", "XDG_CACHE_HOME",
)  # fmt: skip
"""Variables that answers depend on, beside all that begin with BS_."""
_SECRET = "BS_CACHE_SIGNING_KEY"  # noqa: S105 - no answer depends on it, and nothing may hold it
_ROWS_FOR_TWO = 8_000
"""With this many files, a second process pays for itself."""
_MOST_PROCESSES = 4
_AT_ONCE = 256
"""Files whose stats are compared together."""
FEW = 100
"""With more changes than this, they aren't looked at one by one."""

if TYPE_CHECKING:
    from collections.abc import Callable

    _Look = Callable[[str], os.stat_result]


class Remembered:
    """An answer, and what has changed since: rows, or None where something came or went."""

    __slots__ = ("answer", "changed", "checksum", "paths", "root", "stats")

    def __init__(self, answer: tuple[int, str], root: str, rows: "_Rows", checksum: str) -> None:
        self.answer = answer
        self.root = root
        self.paths = rows.paths
        self.stats = rows.stats
        self.changed = rows.changed()
        self.checksum = checksum

    def mode(self, row: int) -> int:
        """The mode that was found when the answer was given."""
        return numbers_of(self.stats[row * WIDTH : (row + 1) * WIDTH])[4]


def stat_of(found: os.stat_result) -> Stat:
    """What of a stat shows that a file is as it was."""
    inode = found.st_ino & _LARGEST
    return pack("5q", found.st_size, found.st_mtime_ns, found.st_ctime_ns, inode, found.st_mode)


def numbers_of(stat: Stat) -> tuple[int, int, int, int, int]:
    size, mtime, ctime, inode, mode = unpack("5q", stat)
    return (size, mtime, ctime, inode, mode)


def changed_ns(stat: Stat) -> int:
    """The later of mtime and ctime."""
    _, mtime, ctime, _, _ = numbers_of(stat)
    return max(mtime, ctime)


def recall(arguments: tuple[str, ...]) -> tuple[int, str] | None:
    """The exit code and text that running the command would give, if that is certain."""
    known = find(arguments)
    return known.answer if known is not None and known.changed == [] else None


def find(arguments: tuple[str, ...]) -> Remembered | None:
    """What was said the last time, and what changed since."""
    if not arguments:
        return None
    question = question_of(arguments)
    name = checksum(question.encode())
    folder = os.getcwd()
    while True:
        known = _known(os.path.join(folder, ".bs", "answers", name), question)
        if known is not None:
            return known
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above


def question_of(arguments: tuple[str, ...]) -> str:
    """All that decides about the answer and is in no file."""
    named = [n for n in os.environ if n in _ENVIRONMENT or (n.startswith("BS_") and n != _SECRET)]
    parts = [
        os.getcwd(),
        sys.prefix,
        f"{sys.stdout.isatty()} {sys.stderr.isatty()}",
        *(f"{name}={os.environ[name]}" for name in sorted(named)),
        "",
        *arguments,
    ]
    return "\0".join(parts)


def checksum(content: bytes) -> str:
    import xxhash  # noqa: PLC0415 - only for commands that may have an answer

    return str(xxhash.xxh3_64_hexdigest(content))


def read(path: str) -> tuple[bytes, str, int] | None:
    """A memory's payload with its checksum, and where in the file it ends; None with any damage."""
    try:
        with open(path, "rb") as file:
            if file.readline(len(MAGIC)) != MAGIC:
                return None
            said, _, length = file.readline(64).partition(b" ")
            payload = file.read(int(length))
            end = file.tell()
    except (OSError, ValueError, OverflowError):
        return None
    return (payload, said.decode(), end) if said == checksum(payload).encode() else None


def _known(path: str, question: str) -> Remembered | None:
    found = read(path)
    if found is None:
        return None
    payload, said, _ = found
    asked, code, text, root, paths, counts, stats = marshal.loads(payload)  # noqa: S302 - checked above
    if asked != question:
        return None
    return Remembered((code, text), root, _Rows(paths.split("\0"), counts, stats), said)


class _Rows:
    """What was looked at: files, what is behind links, and what wasn't there."""

    __slots__ = ("_found", "_links", "_missing_behind", "paths", "stats")

    def __init__(self, paths: list[str], counts: tuple[int, int, int], stats: bytes) -> None:
        self.paths = paths
        self.stats = stats
        files, self._links, self._missing_behind = counts
        self._found = files + self._links

    def changed(self) -> list[int] | None:
        """The rows that differ; None if something came or went, or if they are many."""
        if not self._still_missing():
            return None
        files = self._found - self._links
        behind = self._differing(files, self._found, os.stat)
        if behind is None:
            return None
        share = max(
            1, min(len(os.sched_getaffinity(0)), _MOST_PROCESSES, files * 2 // _ROWS_FOR_TWO)
        )
        borders = [files * part // share for part in range(share + 1)]
        try:
            others = [self._forked(borders[part], borders[part + 1]) for part in range(1, share)]
        except OSError:
            return None
        lists = [behind, self._differing(0, borders[1], os.lstat), *map(_answer_of, others)]
        changed: list[int] = []
        for found in lists:
            if found is None:
                return None
            changed += found
        return changed if len(changed) <= FEW else None

    def _still_missing(self) -> bool:
        missing = self.paths[self._found :]
        here = len(missing) - self._missing_behind
        return not (
            any(os.path.lexists(path) for path in missing[:here])
            or any(os.path.exists(path) for path in missing[here:])
        )

    def _differing(self, start: int, end: int, look: "_Look") -> list[int] | None:
        changed: list[int] = []
        for first in range(start, end, _AT_ONCE):
            last = min(first + _AT_ONCE, end)
            now = _stats(self.paths[first:last], look)
            if now is None:
                return None
            before = self.stats[first * WIDTH : last * WIDTH]
            if now != before:
                changed += [
                    first + row
                    for row in range(last - first)
                    if now[row * WIDTH : (row + 1) * WIDTH]
                    != before[row * WIDTH : (row + 1) * WIDTH]
                ]
                if len(changed) > FEW:
                    return None
        return changed

    def _forked(self, start: int, end: int) -> tuple[int, int]:
        """A process that compares some of the rows, and where it says what it found."""
        reading, writing = os.pipe()
        child = os.fork()
        if child:
            os.close(writing)
            return child, reading
        code = 1
        try:
            changed = self._differing(start, end, os.lstat)
            if changed is not None:
                os.write(writing, pack(f"{len(changed)}q", *changed))
                code = 0
        finally:
            os._exit(code)


def _answer_of(forked: tuple[int, int]) -> list[int] | None:
    child, reading = forked
    with open(reading, "rb") as pipe:
        said = pipe.read()
    return list(unpack(f"{len(said) // 8}q", said)) if os.waitpid(child, 0)[1] == 0 else None


def _stats(paths: list[str], look: "_Look") -> bytes | None:
    # All in local names: this loop is what a no-op costs in a large workspace.
    numbers: list[int] = []
    add = numbers.extend
    try:
        for path in paths:
            s = look(path)
            add((s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino, s.st_mode))
        return pack(f"{len(numbers)}q", *numbers)
    except (OSError, ValueError, StructError):
        return None
