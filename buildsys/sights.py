"""What a command looked at, and its answer kept together with that: see `answers` for what becomes of it."""

import marshal
import os

from buildsys import answers
from buildsys.answers import MAGIC, Stat, changed_ns, checksum, question_of, stat_of

_MANY = 64
"""Questions asked in one workspace, before old answers are thrown away."""

Row = tuple[str, bool, Stat | None]
"""A path, whether links are followed, and what was found: None where there was nothing."""


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

    def same(self, path: str, stat: Stat) -> Stat:
        """`stat`, as the very object that is kept here if it is equal: there are many of them."""
        known = self._seen.get((path, False))
        return known if known is not None and known == stat else stat

    def youngest_ns(self) -> int:
        """The last time at which something changed that may change without its stat telling."""
        ages = (
            changed_ns(found)
            for (path, _), found in self._seen.items()
            if found and path not in self._replaced
        )
        return max(ages, default=0)

    def rows(self) -> list[Row]:
        return [(path, behind, found) for (path, behind), found in self._seen.items()]


def ordered(rows: list[Row]) -> list[Row]:
    """In the order of an answer: what was found, first itself, then behind links; what wasn't, likewise."""
    return sorted(rows, key=lambda row: (row[2] is None, row[1]))


def remember(
    root: str, arguments: tuple[str, ...], answer: tuple[int, str], sights: Sights, now_ns: int
) -> str:
    """Keep the exit code and text of a command that ran in the workspace at `root`.

    `now_ns` is the file system's clock before anything was looked at. Nothing is kept if something was so
    young then that it may have changed unseen; failing to write costs time the next time, nothing else.
    Returns the checksum of the kept answer, "" if there is none.
    """
    for path in own_files():
        sights.look(path)
    if sights.youngest_ns() + answers.RACY_NS > now_ns:
        return ""
    question = question_of(arguments)
    try:
        payload = marshal.dumps((question, *answer, root, *_packed(ordered(sights.rows()))))
    except (OverflowError, ValueError):
        return ""
    folder = os.path.join(root, ".bs", "answers")
    path = os.path.join(folder, checksum(question.encode()))
    return write(path, payload) if _make_room(folder) else ""


def own_files() -> list[str]:
    """The files of bs itself: another version may answer otherwise."""
    found: list[str] = []
    for folder, folders, names in os.walk(os.path.dirname(__file__)):
        folders[:] = [name for name in folders if name != "__pycache__"]
        found += [folder, *(os.path.join(folder, name) for name in names)]
    return found


def write(path: str, payload: bytes, more: bytes = b"") -> str:
    """Replace a memory by another; the checksum of its payload, or "" if it can't be written.

    `more` follows the payload, and has to be checked by whoever reads it.
    """
    temporary = f"{path}.tmp-{os.getpid()}"
    sum_ = checksum(payload)
    try:
        with open(temporary, "wb") as file:
            file.write(b"%s%s %d\n" % (MAGIC, sum_.encode(), len(payload)))
            file.write(payload)
            file.write(more)
        os.replace(temporary, path)
    except OSError:
        return ""
    return sum_


def _packed(rows: list[Row]) -> tuple[str, tuple[int, int, int], bytes]:
    """Paths, how many of them are of which kind, and the stats of those that were found."""
    found = [stat for _, _, stat in rows if stat is not None]
    by_links = sum(behind for _, behind, stat in rows if stat is not None)
    missing_behind = sum(behind for _, behind, stat in rows if stat is None)
    stats = b"".join(found)
    paths = "\0".join(path for path, _, _ in rows)
    if paths.count("\0") != max(len(rows) - 1, 0):
        raise ValueError("there is a zero in a path")
    return paths, (len(found) - by_links, by_links, missing_behind), stats


def _make_room(folder: str) -> bool:
    try:
        os.makedirs(folder, exist_ok=True)
        names = os.listdir(folder)
        if len(names) >= _MANY:
            for name in names:
                os.unlink(os.path.join(folder, name))
    except OSError:
        return False
    return True
