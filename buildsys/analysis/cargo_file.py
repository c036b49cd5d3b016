"""What a Cargo.toml says about crates: its targets, its path dependencies, its Cargo workspace."""

import re
from collections.abc import Iterator
from typing import TypedDict

from buildsys.analysis.paths import place
from buildsys.analysis.toml_text import Table, parsed, table_of

TARGET_KINDS = ("lib", "bin", "example", "test", "bench")
DEPENDENCIES = {
    "dependencies": "normal",
    "build-dependencies": "build",
    "build_dependencies": "build",
    "dev-dependencies": "dev",
    "dev_dependencies": "dev",
}


class PathDependency(TypedDict):
    """A crate in another folder; `path` is as written."""

    kind: str
    """`normal`, `build`, `dev`, `patch`; `shared` in `[workspace.dependencies]`."""
    name: str
    path: str
    line: int
    column: int


class CargoFacts(TypedDict):
    """What is remembered of a Cargo.toml."""

    error: tuple[str, int, int] | None
    """Message, line, column, where it isn't TOML; the rest is empty then."""
    package: str
    root_pointer: str
    build_scripts: list[str]
    found_build_script: bool
    """Whether build.rs counts without being named."""
    found_kinds: list[str]
    """Kinds of targets that Cargo finds by their paths."""
    targets: list[tuple[str, str, str]]
    """Kind, name and path (or nothing) of the targets that are spelt out."""
    paths: list[PathDependency]
    inherited: list[tuple[str, str]]
    """Kind and name of the dependencies with `workspace = true`."""
    is_root: bool
    members: list[str]
    exclude: list[str]


class CargoFileReader:
    """Reads Cargo.toml."""

    name = "cargo-file/1"

    def read(self, text: str) -> CargoFacts:
        found, failure = parsed(text)
        return {**_facts(found, text), "error": failure}


def _facts(manifest: Table, text: str) -> CargoFacts:
    package = table_of(manifest, "package") or table_of(manifest, "project")
    workspace = table_of(manifest, "workspace")
    build = package.get("build", True)
    return {
        "error": None,
        "package": _text(package.get("name")),
        "root_pointer": _text(package.get("workspace")),
        "build_scripts": _texts(build if isinstance(build, list) else [build]),
        "found_build_script": build is True,
        "found_kinds": [
            kind
            for kind in TARGET_KINDS
            if package.get("autobenches" if kind == "bench" else f"auto{kind}s", True) is not False
            and package.get(f"auto{kind}", True) is not False
        ],
        "targets": list(_targets(manifest)),
        "paths": list(_paths(manifest, text)),
        "inherited": [
            (kind, name)
            for kind, name, wanted in dependencies(manifest)
            if wanted.get("workspace") is True
        ],
        "is_root": isinstance(manifest.get("workspace"), dict),
        "members": _texts(workspace.get("members")),
        "exclude": _texts(workspace.get("exclude")),
    }


def _targets(manifest: Table) -> Iterator[tuple[str, str, str]]:
    for kind in TARGET_KINDS:
        declared = manifest.get(kind)
        for target in declared if isinstance(declared, list) else [declared]:
            if isinstance(target, dict):
                yield kind, _text(target.get("name")), _text(target.get("path"))


def dependencies(manifest: Table) -> Iterator[tuple[str, str, Table]]:
    """Kind, name and table of each dependency, those under `[target]` included."""
    platforms = table_of(manifest, "target")
    for section in (manifest, *(table_of(platforms, name) for name in platforms)):
        for title, kind in DEPENDENCIES.items():
            for name, wanted in table_of(section, title).items():
                yield kind, name, wanted if isinstance(wanted, dict) else {}


def _paths(manifest: Table, text: str) -> Iterator[PathDependency]:
    wanted = list(dependencies(manifest))
    shared = table_of(table_of(manifest, "workspace"), "dependencies")
    wanted += [("shared", name, table_of(shared, name)) for name in shared]
    patches = table_of(manifest, "patch")
    for source in (*(table_of(patches, name) for name in patches), table_of(manifest, "replace")):
        wanted += [("patch", name, table_of(source, name)) for name in source]
    for kind, name, table in wanted:
        if path := _text(table.get("path")):
            line, column = _where(text, name, path)
            yield {"kind": kind, "name": name, "path": path, "line": line, "column": column}


def _where(text: str, name: str, path: str) -> tuple[int, int]:
    """Where a path is written: TOML has no places once it is read."""
    literal = rf"path\s*=\s*[\"']{re.escape(path)}[\"']"
    for pattern in (rf"^\s*[\"']?{re.escape(name)}\b.*?({literal})", f"({literal})"):
        if found := re.search(pattern, text, re.MULTILINE):
            return place(text, found.start(1))
    return 0, 0


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
