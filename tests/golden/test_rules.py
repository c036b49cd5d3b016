"""What each rule makes of a target: Dockerfile, manifests and keys as files in the folder of the case.

`pytest --update-golden` rewrites them; read the diff. A key that changes without a change of what is built
demands no bump; one that has to change and doesn't demands a rule version or manifest schema.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from buildsys.images.eject import dockerfile
from buildsys.keys.keying import keyed
from buildsys.model.action import TargetActions
from buildsys.model.sources import GoManifests, TestSources
from buildsys.model.target import Healthcheck
from buildsys.rules.crossing import crossed
from buildsys.rules.registry import GO, PYTHON, RUST
from tests.fakes import DictFiles, File
from tests.targets import (
    GO_SOURCES,
    PINS,
    PLATFORM,
    PYTHON_SOURCES,
    RUST_SOURCES,
    go,
    make_target,
    python,
    rust,
)
from tests.unit.analysis.test_docker_sources import analysed

HERE = Path(__file__).parent
NOTICING = replace(
    GO_SOURCES,
    plain=(("go.mod", "module m\nrequire example.com/zap v1.0.0\n"), ("go.sum", "zap and more\n")),
    noticed=GoManifests((("go.mod", "module m\n"), ("go.sum", "")), exact=True),
)
BASES = PINS | {name: f"docker.io/library/{name}@sha256:{'f' * 64}" for name in ("node", "slim")}
CASES: dict[str, Callable[[], TargetActions]] = {
    "go_image/plain": go,
    "go_image/all_attributes": lambda: go(
        binary="server",
        port=8081,
        healthcheck=Healthcheck(http="http://localhost:8081/health", interval="10s"),
        max_size=15_000_000,
        env=(("GREETING", 'say "hi" for $5 \\ #'), ("LOG_LEVEL", "info")),
        args=("serve", "--name=$HOME"),
        user="2000:3000",
        writable=("/data", "/var/lib/api"),
    ),
    "go_image/vendored": lambda: go(
        replace(GO_SOURCES, vendored=("vendor/modules.txt", "vendor/example.com/zap/zap.go"))
    ),
    "go_image/crossed": lambda: crossed(
        GO.actions(make_target("go_image", "//cmd/api"), GO_SOURCES, "linux/arm64"), PLATFORM
    ),
    "python_image/plain": lambda: python(port=8080),
    "python_image/no_requirements": lambda: python(replace(PYTHON_SOURCES, requirements=())),
    "rust_image/plain": lambda: rust(binary="aob"),
    "rust_image/member": lambda: rust(
        replace(
            RUST_SOURCES,
            workspace="",
            recipe=(("Cargo.lock", "version = 4\n"), *RUST_SOURCES.recipe[1:]),
            derived=(("Cargo.lock", "version = 4\n"), *RUST_SOURCES.derived[1:]),
            narrowed=True,
            others=("crates/other/Cargo.toml",),
            other_paths=("crates/other/src/lib.rs",),
        )
    ),
    "docker_image/plain": analysed,
    "go_image/noticed": lambda: go(NOTICING),
    "go_image/tests_noticed": lambda: GO.tests(
        make_target("go_image", "//cmd/api"),
        NOTICING,
        TestSources(NOTICING.files, packages=("cmd/api",), noticed=NOTICING.noticed),
        PLATFORM,
    ),
    "go_image/tests": lambda: GO.tests(
        make_target("go_image", "//cmd/api", test_attempts=3, test_timeout="1m30s"),
        GO_SOURCES,
        TestSources((*GO_SOURCES.files, "cmd/api/main_test.go"), packages=("cmd/api",)),
        PLATFORM,
    ),
    "python_image/tests": lambda: PYTHON.tests(
        make_target("python_image", "//cmd/agent", module="agent"),
        PYTHON_SOURCES,
        TestSources(
            (*PYTHON_SOURCES.files, "cmd/agent/tests/test_agent.py"),
            requirements=(("cmd/agent/requirements-dev.txt", "pytest==9.0.2\n"),),
            derived=(("cmd/agent/pyproject.toml", "[tool.pytest.ini_options]\n"),),
        ),
        PLATFORM,
    ),
    "rust_image/tests": lambda: RUST.tests(
        make_target("rust_image", "//cmd/cli"),
        RUST_SOURCES,
        TestSources(
            (*RUST_SOURCES.files, "cmd/cli/tests/it.rs"),
            target_paths=(*RUST_SOURCES.target_paths, "cmd/cli/tests/it.rs"),
            derived=RUST_SOURCES.derived,
        ),
        PLATFORM,
    ),
}


def files_of(target: TargetActions) -> DictFiles:
    return DictFiles(
        {
            path: File(f"content of {path}\n".encode(), executable=path.endswith("__main__.py"))
            for action in target.actions
            for source in action.sources
            for path in source.files
        }
    )


def made(target: TargetActions) -> dict[str, str]:
    (one,) = keyed([target], files_of(target), BASES)
    assert not one.missing_bases
    manifests = {layer.action.layer: layer.manifest for layer in one.layers}
    return {
        "expected.Dockerfile": dockerfile(target, BASES, "/store"),
        "expected.manifest.json": json.dumps(manifests, indent=1, sort_keys=True) + "\n",
        "expected.key": "".join(f"{layer.key} {layer.action.layer}\n" for layer in one.layers),
    }


@pytest.mark.parametrize("case", CASES)
def test_the_rule_makes_what_the_files_say(case: str, *, update_golden: bool) -> None:
    found = made(CASES[case]())
    folder = HERE / case
    if update_golden:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in found.items():
            (folder / name).write_text(text)
    for name, text in found.items():
        assert text == (folder / name).read_text(), f"{case}/{name}: `pytest --update-golden`?"


def test_each_folder_has_a_case() -> None:
    folders = {str(path.parent.relative_to(HERE)) for path in HERE.glob("*/*/expected.key")}
    assert folders == set(CASES)
