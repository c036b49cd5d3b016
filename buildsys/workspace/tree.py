"""The files of the checkout: listed lazily, hashed once, kept inside the workspace."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar, cast

from buildsys.answers import stat_of
from buildsys.errors import BuildFileError, Location
from buildsys.model.digest import Digest, digest_of
from buildsys.model.files import FileState
from buildsys.model.sources import FactReader
from buildsys.model.target import ROOT_BUILD_FILE
from buildsys.sights import Sights
from buildsys.workspace.index import FileIndex
from buildsys.workspace.root import marks_workspace

T = TypeVar("T")

IGNORED = frozenset(
    {
        ".git", ".hg", ".svn", ".bs", ".venv", "__pycache__", "node_modules", ".mypy_cache",
        ".pytest_cache", ".ruff_cache", ".hypothesis", ".tox", ".idea", ".vscode",
    }
)  # fmt: skip
"""Folders that are never part of a workspace: other tools' state, which no build reads."""

_CACHE_TAG = "CACHEDIR.TAG"
"""Marks a folder as a cache (bford.info/cachedir): cargo's target folder has it."""


class _Marker:
    """Whether a BUILD.yaml is the root of a workspace of its own."""

    name = "workspace-mark/1"

    def read(self, text: str) -> bool:
        return marks_workspace(text)


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file by its absolute path, who read it, and what they found."""

    path: str
    digest: Digest
    readers: tuple[type, ...]
    facts: tuple[object, ...]


@dataclass(slots=True)
class DiskTree:
    """`SourceTree` and `FileStates` of a checkout; see the ports for the contract."""

    root: str
    index: FileIndex
    sights: Sights = field(default_factory=Sights)
    _folders: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = field(default_factory=dict)
    _missing: set[str] = field(default_factory=set)
    _readers: dict[str, tuple[FactReader[object], ...] | None] = field(default_factory=dict)
    """Who read a file; None where somebody took its whole text."""
    _just_read: tuple[str, bytes] = ("", b"")
    """A file that was hashed last is mostly the one that is read next."""
    _states: dict[str, FileState] = field(default_factory=dict)

    def files_below(self, folder: str) -> tuple[str, ...]:
        found: list[str] = []
        left = [folder]
        while left:
            current = left.pop()
            files, folders = self._list(current)
            prefix = f"{current}/" if current else ""
            found.extend(prefix + name for name in files)
            left.extend(prefix + name for name in folders)
        return tuple(sorted(found))

    def files_in(self, folder: str) -> tuple[str, ...]:
        return self._list(folder)[0]

    def is_file(self, path: str) -> bool:
        folder, _, name = path.rpartition("/")
        return name in self._list(folder)[0]

    def text(self, path: str) -> str:
        self._readers[path] = None
        return self._text(path)

    def read_files(self) -> Iterator["ReadFile"]:
        """The files in whose content nobody saw more than readers did, and their digests.

        No BUILD.yaml: whether one is the root of a workspace is found out before there is a tree.
        """
        for path, state in self._states.items():
            readers = self._readers.get(path, ())
            if readers is None or state.digest is None or path.endswith(ROOT_BUILD_FILE):
                continue
            if not all(map(_is_plain, readers)):
                continue
            facts = [self.index.fact(reader.name, state.digest) for reader in readers]
            known = tuple(fact[0] for fact in facts if fact is not None)
            if len(known) == len(readers):
                yield ReadFile(self._absolute(path), state.digest, tuple(map(type, readers)), known)

    def _text(self, path: str) -> str:
        known, content = self._just_read
        if known != path:
            content = self._read(path)[0]
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise BuildFileError(
                f"not UTF-8 at byte {error.start}", at=Location(path), hint="save it as UTF-8"
            ) from None

    def facts(self, path: str, reader: FactReader[T]) -> T:
        digest = self.state(path).digest
        if digest is None:
            raise BuildFileError("not a regular file", at=Location(path))
        self._note(path, reader)
        known = self.index.fact(reader.name, digest)
        if known is not None:
            return cast("T", known[0])
        value = reader.read(self._text(path))
        self.index.learn_fact(reader.name, digest, value)
        return value

    def _note(self, path: str, reader: FactReader[object]) -> None:
        known = self._readers.get(path, ())
        if known is not None and reader not in known:
            self._readers[path] = (*known, reader)

    def state(self, path: str) -> FileState:
        known = self._states.get(path)
        if known is None:
            known = self._states[path] = self._state(path)
        return known

    def _state(self, path: str) -> FileState:
        found = self._stat(path)
        if stat.S_ISLNK(found.st_mode) and not self._is_linked_file(path):
            return FileState(link=os.readlink(self._absolute(path)))
        signature = self.sights.same(self._absolute(path), stat_of(found))
        digest = None if stat.S_ISLNK(found.st_mode) else self.index.digest(path, signature)
        if digest is not None:
            return FileState(digest, executable=bool(found.st_mode & stat.S_IXUSR))
        content, opened = self._read(path)
        digest = digest_of(content)
        self._just_read = (path, content)
        if not stat.S_ISLNK(found.st_mode) and stat_of(opened) == signature:
            self.index.learn(path, signature, digest)
        return FileState(digest, executable=bool(opened.st_mode & stat.S_IXUSR))

    def _is_linked_file(self, path: str) -> bool:
        """Whether a link leads to a file of the workspace; links to folders keep being links.

        Raises:
            BuildFileError: it leads out of the workspace.
        """
        self.sights.look(self._absolute(path), behind=True)
        target = os.path.realpath(self._absolute(path))
        if not target.startswith(self.root + os.sep):
            raise BuildFileError(
                "a symbolic link that leaves the workspace",
                at=Location(path),
                hint="copy the file into the workspace, or exclude the link",
            )
        return os.path.isfile(target)

    def _read(self, path: str) -> tuple[bytes, os.stat_result]:
        if stat.S_ISLNK(self._stat(path).st_mode):
            self._is_linked_file(path)
        try:
            # Not blocking: a FIFO in the place of a file must not hang the build.
            descriptor = os.open(self._absolute(path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with open(descriptor, "rb") as file:
                before = os.fstat(descriptor)
                if not stat.S_ISREG(before.st_mode):
                    raise BuildFileError("not a regular file", at=Location(path))
                content = file.read()
                after = os.fstat(descriptor)
        except OSError as error:
            raise BuildFileError(f"can't be read: {error.strerror}", at=Location(path)) from None
        return content, after if stat_of(before) == stat_of(after) else before

    def _stat(self, path: str) -> os.stat_result:
        found = self.sights.look(self._absolute(path))
        if found is None:
            raise BuildFileError("no such file", at=Location(path))
        return found

    def _absolute(self, path: str) -> str:
        return f"{self.root}/{path}" if path else self.root

    def _list(self, folder: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        listed = self._folders.get(folder)
        if listed is None:
            listed = self._folders[folder] = self._scan(folder)
        return listed

    def _scan(self, folder: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        if self._is_missing(folder):
            self._missing.add(folder)
            return (), ()
        files: list[str] = []
        folders: list[str] = []
        self.sights.look(self._absolute(folder))
        try:
            with os.scandir(self._absolute(folder)) as entries:
                for entry in entries:
                    if not entry.is_dir(follow_symlinks=False):
                        files.append(entry.name)
                    elif entry.name not in IGNORED:
                        folders.append(entry.name)
        except OSError:
            return (), ()
        if folder and self._is_foreign(folder, files):
            return (), ()
        return tuple(sorted(files)), tuple(sorted(folders))

    def _is_missing(self, folder: str) -> bool:
        """Whether the listing of the folder above tells that there is nothing of that name.

        Then nothing has to be looked at: whatever is added there changes the folder above.
        """
        above, _, name = folder.rpartition("/")
        files, folders = self._list(above) if folder else ((), ())
        if not files and not folders:
            return bool(folder) and above in self._missing
        return name not in files and name not in folders and name not in IGNORED

    def _is_foreign(self, folder: str, files: list[str]) -> bool:
        """Whether a folder belongs to another workspace, or to a cache."""
        if _CACHE_TAG in files:
            return True
        return ROOT_BUILD_FILE in files and self.facts(f"{folder}/{ROOT_BUILD_FILE}", _Marker())


def _is_plain(reader: FactReader[object]) -> bool:
    """Whether a reader is all that its class is: one with choices of its own has a name of its own."""
    return getattr(type(reader), "name", None) == reader.name


def state_now(root: str, path: str) -> tuple[FileState, bytes]:
    """A file's state and content as they are at this moment, past any memory.

    Raises:
        BuildFileError: it can't be read.
    """
    tree = DiskTree(root, FileIndex(""))
    found = tree._stat(path)  # noqa: SLF001 - same module
    if stat.S_ISLNK(found.st_mode) and not tree._is_linked_file(path):  # noqa: SLF001
        return FileState(link=os.readlink(os.path.join(root, path))), b""
    content, opened = tree._read(path)  # noqa: SLF001
    executable = bool(opened.st_mode & stat.S_IXUSR)
    return FileState(digest_of(content), executable=executable), content
