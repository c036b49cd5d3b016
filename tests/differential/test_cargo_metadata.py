"""`rust_sources` against `cargo metadata` and `cargo check`: the same crates, the same targets."""

import json
from pathlib import Path

import pytest

from buildsys.analysis.rust_sources import rust_sources, rust_tests
from buildsys.model.sources import RustSources
from tests.differential.workspaces import EXAMPLES, REPOSITORY, copy_of, output_of, tree_of

CRATES = [
    (REPOSITORY, manifest.parent.relative_to(REPOSITORY).as_posix())
    for manifest in sorted(REPOSITORY.glob("cmd/*/Cargo.toml"))
] + [(EXAMPLES / "cargo-workspace", "crates/teller")]
every_crate = pytest.mark.parametrize(
    ("root", "package"), CRATES, ids=[f"{root.name}-{package}" for root, package in CRATES]
)


def analysed(root: Path, package: str) -> RustSources:
    return rust_sources(tree_of(root), package, exclude=lambda _: False)


@pytest.mark.slow
@every_crate
def test_targets_and_manifests_are_those_of_cargo(root: Path, package: str) -> None:
    metadata = json.loads(
        output_of("cargo", "metadata", "--no-deps", "--format-version=1", cwd=root / package)
    )

    def relative(path: str) -> str:
        return Path(path).relative_to(root).as_posix()

    sources = analysed(root, package)
    tests = rust_tests(tree_of(root), sources, exclude=lambda _: False)
    targets = {relative(t["src_path"]) for p in metadata["packages"] for t in p["targets"]}
    assert set(tests.target_paths) == targets
    shipped = {
        relative(target["src_path"])
        for package_of in metadata["packages"]
        for target in package_of["targets"]
        if not {"test", "bench", "example"} & set(target["kind"])
    }
    assert shipped <= set(sources.target_paths) <= targets
    manifests = {*dict(sources.recipe), *sources.others}
    assert {relative(p["manifest_path"]) for p in metadata["packages"]} <= manifests
    assert sources.workspace == relative(metadata["workspace_root"]).removeprefix(".")


@pytest.mark.slow
def test_cargo_builds_from_these_files_alone(tmp_path: Path) -> None:
    root = EXAMPLES / "cargo-workspace"
    alone = copy_of(root, analysed(root, "crates/teller").files, tmp_path)
    printed = output_of(
        "cargo", "run", "--quiet", "--locked", "--package=teller", cwd=alone,
    )  # fmt: skip
    assert printed == "42 is the answer\n"
