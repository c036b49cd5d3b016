"""What the languages' manifests and imports say about a target: the facts that rules work on.

All paths are relative to the workspace, with `/`; the folders that a rule works in keep these paths
inside the build (below /src), so that messages of compilers name the real files.
"""

from dataclasses import dataclass
from typing import Protocol, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class SourceTree(Protocol):
    """The files of the workspace, as analysis sees them. Ignored folders (.git, .bs, …) aren't there."""

    def files_below(self, folder: str) -> tuple[str, ...]:
        """All files and symbolic links below `folder`, sorted; `""` is the whole workspace."""

    def files_in(self, folder: str) -> tuple[str, ...]:
        """The names of the files directly in `folder`, sorted; empty if there is no such folder."""

    def is_file(self, path: str) -> bool: ...

    def text(self, path: str) -> str:
        """The content of a UTF-8 file.

        Raises:
            BuildFileError: it can't be read, or isn't UTF-8.
        """

    def facts(self, path: str, reader: "FactReader[T]") -> T:
        """What `reader` finds in a file; remembered by content."""


class FactReader(Protocol[T_co]):
    """Finds something in the text of one file, and nowhere else."""

    name: str
    """Names the reader and its version: what is remembered under one name is never used for another."""

    def read(self, text: str) -> T_co:
        """Plain values only (str, int, bool, None, tuples, lists, dicts): they are remembered on disk."""


@dataclass(frozen=True, slots=True)
class GoSources:
    """A Go main package: its module, its import closure inside the workspace, and what lies outside."""

    module: str
    """Folder of the module's go.mod."""
    package: str
    """Folder of the main package."""
    manifests: tuple[str, ...]
    """go.mod, go.sum, go.work, …, of the module and of those that it replaces locally."""
    vendored: tuple[str, ...]
    """Files of the vendor folder, empty where modules are downloaded."""
    files: tuple[str, ...]
    """Go sources, embedded files and manifests: all that compiling reads."""
    external: tuple[str, ...]
    """Imported packages that neither this workspace nor the standard library has."""


@dataclass(frozen=True, slots=True)
class TestSources:
    """What running a target's own tests takes beyond its image."""

    __test__ = False  # pytest takes classes of such a name for tests

    files: tuple[str, ...]
    """All that compiling and running them reads, the image's sources among them."""
    packages: tuple[str, ...] = ()
    """Go: folders of the packages that have tests."""
    requirements: tuple[str, ...] = ()
    """Python: requirements-dev.txt and the files that it includes; empty if there is none."""


@dataclass(frozen=True, slots=True)
class PythonSources:
    """A Python program: its requirements, its files, the workspace packages that it imports."""

    package: str
    requirements: tuple[str, ...]
    """requirements.txt and the files that it includes, itself first; empty if there is none."""
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RustSources:
    """A crate: its Cargo workspace, lock, and the crates of the workspace that it depends on."""

    crate: str
    workspace: str
    """Folder of the Cargo.lock: the Cargo workspace's root, or the crate itself."""
    manifests: tuple[str, ...]
    """Cargo.toml of all members, Cargo.lock, .cargo/config.toml, rust-toolchain.toml."""
    target_paths: tuple[str, ...]
    """Paths of the crates' targets (src/main.rs, src/lib.rs, build.rs, …): they matter by name only."""
    files: tuple[str, ...]
