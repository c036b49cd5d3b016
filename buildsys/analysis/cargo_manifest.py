"""Cargo.toml with what may matter, and nothing else: to the dependencies, or to what is compiled.

Fields are left out by name, so that one which Cargo learns later counts until it is known here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from buildsys.analysis.cargo_file import DEPENDENCIES
from buildsys.analysis.toml_text import Table, parsed, table_of, without, written
from buildsys.model.digest import digest_of, hex_of

_Change: TypeAlias = Callable[[Table], Table]

VERSION = "0.0.1"
"""What cargo-chef makes of the versions of local crates too."""

_OF_REGISTRIES = ("categories", "documentation", "exclude", "include", "keywords", "publish")
"""Fields of a package that neither a compiler nor the program gets to see."""
_OF_PROGRAMS = (
    "authors", "default-run", "description", "homepage", "license", "license-file", "metadata", "readme",
    "repository",
)  # fmt: skip
"""Those that a program (`CARGO_PKG_…`) or its build script may read, and no dependency."""
_PUBLISHING = (
    "aur", "binstall", "cargo-all-features", "cargo-machete", "cargo-shear", "cargo-udeps", "deb", "dist",
    "docs", "generate-rpm", "git-cliff", "release", "release-plz", "rpm", "workspaces",
)  # fmt: skip
"""Tools in `metadata` that are never part of a build; others' settings may be read by macros."""


def name_of_choices(reader: str, *choices: object) -> str:
    """The name of a reader that finds something else with other choices."""
    return f"{reader} {hex_of(digest_of(repr(choices).encode()))[:16]}"


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What of a Cargo workspace is there; goes for the manifest of its root."""

    members: tuple[str, ...] | None
    """The members' folders, relative to the root; those that the manifest names, if None."""
    shared: tuple[str, ...]
    """Names of `[workspace.dependencies]` that are inherited by what is there."""


class CargoManifestReader:
    """Reads a Cargo.toml into the text that a layer gets; what isn't TOML stays as it is.

    For cooking, the version of the crate (if it is `masked`) and of local dependencies is left out as well.
    """

    def __init__(self, *, cooked: bool, masked: bool, narrowed: Narrowed | None = None) -> None:
        self._cooked, self._masked, self._narrowed = cooked, masked, narrowed
        self.name = name_of_choices("cargo-manifest/1", cooked, masked, narrowed)

    def read(self, text: str) -> str:
        manifest, failure = parsed(text)
        if failure:
            return text
        change = self._for_cooking if self._cooked else _for_compiling
        return written(_changed(change(manifest), "workspace", self._narrow))

    def _for_cooking(self, manifest: Table) -> Table:
        title = "package" if "package" in manifest else "project"
        left = _changed(without(manifest, "badges", "lints"), title, self._cooked_package)
        left = _changed(left, "workspace", self._cooked_workspace)
        left = _changed(left, "target", _local_of_platforms)
        return _local_without_version(left)

    def _cooked_package(self, package: Table) -> Table:
        left = without(package, *_OF_REGISTRIES, *_OF_PROGRAMS)
        return left | ({"version": VERSION} if self._masked else {})

    def _cooked_workspace(self, workspace: Table) -> Table:
        masked = ("version",) if self._masked else ()
        left = _changed(
            without(workspace, "default-members", "lints", "metadata"),
            "package",
            lambda package: without(package, *_OF_REGISTRIES, *_OF_PROGRAMS, *masked),
        )
        return _local_without_version(left)

    def _narrow(self, workspace: Table) -> Table:
        if self._narrowed is None:
            return workspace
        members, shared = self._narrowed.members, self._narrowed.shared
        left = _changed(
            workspace,
            "dependencies",
            lambda all_of: {name: all_of[name] for name in all_of if name in shared},
        )
        if members is None:
            return left
        return without(left, "default-members") | {"members": list(members)}


def _for_compiling(manifest: Table) -> Table:
    title = "package" if "package" in manifest else "project"
    left = _changed(without(manifest, "badges"), title, _compiled_package)
    left = _changed(left, "lints", _lints_of_compiler, keep_empty=False)
    return _changed(left, "workspace", _compiled_workspace)


def _compiled_package(package: Table) -> Table:
    left = without(package, *_OF_REGISTRIES)
    return _changed(left, "metadata", _metadata_of_builds, keep_empty=False)


def _compiled_workspace(workspace: Table) -> Table:
    left = _changed(workspace, "package", _compiled_package)
    left = _changed(left, "lints", _lints_of_compiler)  # members may ask for it even if it is empty
    return _changed(left, "metadata", _metadata_of_builds, keep_empty=False)


def _metadata_of_builds(metadata: Table) -> Table:
    return without(metadata, *_PUBLISHING)


def _lints_of_compiler(lints: Table) -> Table:
    """Lints of rustc may fail a build; `cargo build` calls no other tool that has any."""
    return {tool: lints[tool] for tool in lints if tool in {"rust", "workspace"}}


def _local_without_version(table: Table) -> Table:
    for title in DEPENDENCIES:
        table = _changed(
            table, title, lambda all_of: {k: _unversioned_one(v) for k, v in all_of.items()}
        )
    return table


def _local_of_platforms(target: Table) -> Table:
    for platform in target:
        target = _changed(target, platform, _local_without_version)
    return target


def _unversioned_one(wanted: object) -> object:
    if isinstance(wanted, dict) and "path" in wanted:
        return without(wanted, "version")
    return wanted


def _changed(table: Table, key: str, change: _Change, *, keep_empty: bool = True) -> Table:
    """The table with another table in it changed, if that is there."""
    if not isinstance(table.get(key), dict):
        return table
    left = change(table_of(table, key))
    return table | {key: left} if left or keep_empty else without(table, key)
