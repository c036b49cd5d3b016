"""What the languages' manifests and imports say about a target: the facts that rules work on.

All paths are relative to the workspace, with `/`; the folders that a rule works in keep these paths
inside the build (below /src), so that messages of compilers name the real files.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar

Derived: TypeAlias = tuple[tuple[str, str], ...]
"""Files (path, text) whose text was made of the workspace's file, with only what may matter."""

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
class GoModule:
    """A module whose content is pinned: `sums` are its hashes in go.sum.

    `path` is how packages import it; `source` and `version` say which module has the content, which is another
    one where it is replaced.
    """

    path: str
    source: str
    version: str
    sums: tuple[str, ...]


Imports = Mapping[str, tuple[str, ...]]
"""Packages of a module → what each of them imports on the build's platform, with its tags."""


class ModuleFacts(Protocol):
    """What is known of modules here. Their content is pinned, so nothing of it changes any more."""

    def imports(self, builder: str, module: GoModule) -> Imports | None:
        """The packages of a module as the Go of the base `builder` sees them; None where they aren't known."""


@dataclass(frozen=True, slots=True)
class GoManifests:
    """What of go.mod and go.sum one service, or its tests, can notice."""

    texts: Derived
    """Path → text that names the modules which the import closure uses."""
    exact: bool = False
    """No others, so that the text pins all that is used of modules."""
    unused: tuple[str, ...] = ()
    """Manifests of local replacements that it doesn't use."""
    unknown: tuple[str, ...] = ()
    """Modules of which it has to be known first what their packages import; then `texts` is empty."""


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
    replaced: tuple[str, ...] = ()
    """Modules of other folders of this workspace that it imports."""
    reads_manifests: bool = False
    """It embeds go.mod or go.sum, so that every byte of them counts."""
    plain: Derived = ()
    """Path → text of go.mod and go.sum with all modules, and nothing that has no influence (comments, order);
    empty where every byte counts."""
    noticed: GoManifests | None = None
    """What the code notices of them; None is every byte."""


@dataclass(frozen=True, slots=True)
class TestSources:
    """What running a target's own tests takes beyond its image."""

    __test__ = False  # pytest takes classes of such a name for tests

    files: tuple[str, ...]
    """All that compiling and running them reads, the image's sources among them."""
    packages: tuple[str, ...] = ()
    """Go: folders of the packages that have tests."""
    external: tuple[str, ...] = ()
    """Go: imported packages from elsewhere."""
    replaced: tuple[str, ...] = ()
    """Go: as in `GoSources`."""
    noticed: GoManifests | None = None
    """Go: as in `GoSources`."""
    requirements: Derived = ()
    """Python: requirements-dev.txt and the files that it includes; empty if there is none."""
    derived: Derived = ()
    """Those of `files` that don't enter as they are."""
    target_paths: tuple[str, ...] = ()
    """Rust: paths of the crates' targets, those of tests, benches and examples too."""


@dataclass(frozen=True, slots=True)
class PythonSources:
    """A Python program: its requirements, its files, the workspace packages that it imports."""

    package: str
    requirements: Derived
    """requirements.txt and the files that it includes, itself first; empty if there is none."""
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RustSources:
    """A crate: its Cargo workspace, lock, and the crates of the workspace that it depends on."""

    crate: str
    workspace: str
    """Folder of the Cargo.lock: the Cargo workspace's root, or the crate itself."""
    name: str
    """The crate's own, by which Cargo selects it."""
    recipe: Derived
    """What decides its dependencies: Cargo.toml of the crates that it needs, Cargo.lock,
    .cargo/config.toml, rust-toolchain.toml."""
    target_paths: tuple[str, ...]
    """Paths of the crates' libraries, programs and build scripts, and of all targets that a manifest
    names: they matter by name only."""
    files: tuple[str, ...]
    derived: Derived
    """Those of `files` that don't enter as they are: the same manifests, with what may reach the program."""
    narrowed: bool = False
    """Whether the manifests are those of a Cargo workspace without its other members: Cargo.lock may then
    have more packages than Cargo would write into it."""
    others: tuple[str, ...] = ()
    """Cargo.toml of the other members: Cargo wants them where it has the workspace's own files."""
    other_paths: tuple[str, ...] = ()
    """The paths of their targets."""


SCRATCH = "scratch"
"""The empty base of Dockerfiles."""


def inputs_stage(stage: str) -> str:
    """The stage with the declared files of a stage, relative to the package."""
    return f"{stage}-inputs"


def files_stage(stage: str) -> str:
    """The same with their paths in the workspace, as they are sealed."""
    return f"{stage}-files"


@dataclass(frozen=True, slots=True)
class DockerStage:
    """A stage of a Dockerfile of the user's own, with every name in it resolved."""

    name: str
    base: str
    """A stage, a base, or `scratch`."""
    instructions: tuple[str, ...]
    stages: tuple[str, ...]
    """The stages that it is built on, or copies or mounts from."""
    bases: tuple[str, ...]
    """The bases, likewise."""
    inputs: tuple[str, ...] | None = None
    """Files of the workspace, for a stage that is a layer of its own."""


@dataclass(frozen=True, slots=True)
class DockerSources:
    """A Dockerfile's stages, each behind those that it needs; the last one is the image."""

    package: str
    stages: tuple[DockerStage, ...]

    @property
    def layers(self) -> tuple[DockerStage, ...]:
        """The stages that are layers of their own: those with declared files, and the image."""
        return tuple(stage for stage in self.stages if stage.inputs is not None)

    @property
    def files(self) -> tuple[str, ...]:
        """The image's files."""
        return self.stages[-1].inputs or ()

    def made_with(self, layer: DockerStage) -> tuple[DockerStage, ...]:
        """The stages that are built together with a layer, itself last."""
        wanted = {layer.name}
        for stage in reversed(self.stages):
            if stage.name in wanted and (stage is layer or stage.inputs is None):
                wanted.update(stage.stages)
        return tuple(
            stage
            for stage in self.stages
            if stage is layer or (stage.name in wanted and stage.inputs is None)
        )
