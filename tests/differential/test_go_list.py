"""`go_sources` against `go list` and `go build`: the same files, the same external packages."""

import json
from pathlib import Path
from typing import Any

import pytest

from buildsys.analysis.go_sources import go_sources
from tests.differential.workspaces import copy_of, every_go_service, output_of, tree_of

SETTINGS = {"CGO_ENABLED": "0", "GOOS": "linux", "GOARCH": "amd64", "GOFLAGS": "-tags=netgo"}
FILES = ("GoFiles", "EmbedFiles", "SFiles", "HFiles", "SysoFiles")
every_service = every_go_service(
    ("go-module-per-service", "services/ids"),
    ("go-module-per-service", "services/sums"),
    ("go-work", "api"),
    ("go-replace", "service"),
    ("go-vendor", "cmd/tool"),
)


def listed(root: Path, package: str) -> dict[str, dict[str, Any]]:
    """Packages of the closure that aren't the standard library's, by import path."""
    text = output_of("go", "list", "-deps", "-json", ".", cwd=root / package, **SETTINGS)
    decoder, position, packages = json.JSONDecoder(), 0, []
    while position < len(text.rstrip()):
        found, position = decoder.raw_decode(text, position)
        position += len(text[position:]) - len(text[position:].lstrip())
        packages.append(found)
    return {found["ImportPath"]: found for found in packages if not found.get("Standard")}


@pytest.mark.slow
@every_service
def test_files_and_external_packages_are_those_of_go_list(root: Path, package: str) -> None:
    packages = listed(root, package)
    own = {
        name: found
        for name, found in packages.items()
        if Path(found["Dir"]).is_relative_to(root) and "/vendor/" not in found["Dir"]
    }
    files = {
        Path(found["Dir"], name).relative_to(root).as_posix()
        for found in own.values()
        for kind in FILES
        for name in found.get(kind, [])
    }
    imports = {name for found in own.values() for name in found.get("Imports", [])}
    sources = go_sources(tree_of(root), package)
    assert set(sources.files) - set(sources.manifests) == files
    assert set(sources.external) == imports & packages.keys() - own.keys()


@pytest.mark.slow
@every_service
def test_go_builds_from_these_files_alone(root: Path, package: str, tmp_path: Path) -> None:
    sources = go_sources(tree_of(root), package)
    alone = copy_of(root, {*sources.files, *sources.manifests, *sources.vendored}, tmp_path)
    output_of("go", "build", "-o", "/dev/null", ".", cwd=alone / package, **SETTINGS)
