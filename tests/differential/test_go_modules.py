"""The modules that a service uses, against `go list -deps`; and what is built of their lines, of all lines."""

import hashlib
import tempfile
from pathlib import Path

import pytest

from buildsys.analysis.go_listing import modules_listed
from buildsys.analysis.go_noticing import GoNoticing
from buildsys.analysis.go_sources import go_sources
from buildsys.model.sources import GoManifests, GoSources
from buildsys.rules.go_stages import list_packages
from tests.differential.test_go_list import SETTINGS
from tests.differential.workspaces import copy_of, every_go_service, output_of, tree_of

USED = "{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}"
every_service = every_go_service(
    ("go-module-per-service", "services/ids"),
    ("go-module-per-service", "services/sums"),
    ("go-replace", "service"),
)


def noticed(root: Path, package: str) -> tuple[GoSources, GoManifests]:
    """What `bs` finds out, from a list that the real Go makes as it does in `modules`."""
    tree = tree_of(root)
    sources = go_sources(tree, package)
    with tempfile.TemporaryDirectory() as folder:
        copy = copy_of(root, sources.manifests, Path(folder, "copy"))
        output_of("go", "mod", "download", cwd=copy / sources.module)
        commands = list_packages(str(copy / sources.module), f"{folder}/list")
        output_of("sh", "-euc", " && ".join(commands), cwd=copy, **SETTINGS)
        known = modules_listed(
            {path.name: path.read_text() for path in Path(folder, "list").iterdir()}
        )
    found = GoNoticing.of(tree, sources, known.get, last=False).noticed(
        sources, sources.external, sources.replaced, ()
    )
    assert found is not None
    assert found.exact
    return sources, found


@pytest.mark.slow
@every_service
def test_the_modules_used_are_those_of_go_list(root: Path, package: str) -> None:
    listed = output_of("go", "list", "-deps", "-f", USED, ".", cwd=root / package, **SETTINGS)
    _, found = noticed(root, package)
    required = [
        line.split()[1]
        for path, text in found.texts
        for line in text.splitlines()
        if path.endswith("go.mod") and line.startswith("require ")
    ]
    assert sorted(required) == sorted(set(listed.split()))


@pytest.mark.slow
@every_service
def test_go_builds_the_same_program_from_these_lines_alone(
    root: Path, package: str, tmp_path: Path
) -> None:
    sources, found = noticed(root, package)
    programs = []
    for name, texts in (("all", ()), ("noticed", found.texts)):
        files = {*sources.files, *sources.manifests} - (set(found.unused) if texts else set())
        folder = copy_of(root, files, tmp_path / name)
        for path, text in texts:
            (folder / path).write_text(text)
        program = tmp_path / f"{name}.bin"
        output_of(
            "go", "build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-o", str(program), ".",
            cwd=folder / package, **SETTINGS, GOPROXY="off",
        )  # fmt: skip
        programs.append(hashlib.sha256(program.read_bytes()).hexdigest())
    assert programs[0] == programs[1]
