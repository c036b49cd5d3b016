"""What a Rust service is made of, over small workspaces."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from buildsys.analysis.cargo_file import CargoFileReader
from buildsys.analysis.rust_sources import rust_sources
from buildsys.errors import BuildFileError
from buildsys.model.sources import RustSources
from tests.fake_tree import DictTree


def crate(name: str, rest: str = "") -> str:
    return f'[package]\nname = "{name}"\nversion = "0.1.0"\n{rest}'


def analyse(
    files: dict[str, str], package: str = "app", exclude: Callable[[str], bool] = lambda _: False
) -> RustSources:
    return rust_sources(DictTree(files), package, exclude=exclude)


def manifests(found: RustSources) -> tuple[str, ...]:
    return tuple(path for path, _ in found.recipe)


def refusal(files: dict[str, str], package: str = "app") -> BuildFileError:
    with pytest.raises(BuildFileError) as caught:
        analyse(files, package)
    assert caught.value.hint
    return caught.value


def test_a_crate_on_its_own() -> None:
    found = analyse(
        {
            "app/BUILD.yaml": "",
            "app/Cargo.toml": crate("app"),
            "app/Cargo.lock": "",
            "app/build.rs": "",
            "app/src/main.rs": "",
            "app/src/deep/mod.rs": "",
            "app/assets/logo.txt": "",
            "app/tests/it.rs": "",
            "app/benches/b.rs": "",
            "app/examples/e.rs": "",
            "app/target/debug/x": "",
            "app/notes.md": "",
            "elsewhere.txt": "",
        },
        exclude=lambda path: path.endswith(".md"),
    )
    assert found == RustSources(
        crate="app",
        workspace="app",
        name="app",
        recipe=found.recipe,
        target_paths=("app/build.rs", "app/src/main.rs"),
        files=(
            "app/Cargo.lock", "app/Cargo.toml", "app/assets/logo.txt", "app/build.rs",
            "app/src/deep/mod.rs", "app/src/main.rs",
        ),
        derived=found.derived,
    )  # fmt: skip
    assert manifests(found) == ("app/Cargo.lock", "app/Cargo.toml")
    assert dict(found.derived).keys() == dict(found.recipe).keys()


WORKSPACE = {
    "Cargo.toml": '[workspace]\nmembers = ["app", "crates/*"]\nexclude = ["crates/out"]\n'
    '[workspace.dependencies]\nshared = { path = "crates/shared" }\n',
    "Cargo.lock": "",
    "app/Cargo.toml": crate("app", "[dependencies]\nshared.workspace = true\n"),
    "app/src/main.rs": "",
    "crates/shared/Cargo.toml": crate("shared", '[build-dependencies]\nb = { path = "../b" }\n'),
    "crates/shared/src/lib.rs": "",
    "crates/b/Cargo.toml": crate("b", '[dev-dependencies]\nd = { path = "../../dev" }\n'),
    "crates/b/src/lib.rs": "",
    "crates/unrelated/Cargo.toml": crate("unrelated"),
    "crates/unrelated/src/main.rs": "",
    "crates/out/Cargo.toml": crate("out"),
    "crates/out/src/lib.rs": "",
    "dev/Cargo.toml": crate("d"),
    "dev/src/lib.rs": "",
}


def test_a_cargo_workspace_gives_what_the_crate_needs_and_only_the_files_that_are_compiled() -> (
    None
):
    found = analyse(WORKSPACE)
    assert found.workspace == ""
    assert manifests(found) == (
        "Cargo.lock", "Cargo.toml", "app/Cargo.toml", "crates/b/Cargo.toml", "crates/shared/Cargo.toml",
        "dev/Cargo.toml",
    )  # fmt: skip
    assert set(found.files) - set(manifests(found)) == {
        "app/src/main.rs", "crates/shared/src/lib.rs", "crates/b/src/lib.rs",
    }  # fmt: skip
    assert "crates/unrelated/src/main.rs" not in found.target_paths
    assert "dev/src/lib.rs" in found.target_paths
    assert found.others == ("crates/unrelated/Cargo.toml",)
    assert found.other_paths == ("crates/unrelated/src/main.rs",)
    assert found.narrowed


def test_a_new_member_changes_nothing_for_the_crates_that_do_not_need_it() -> None:
    more = {"crates/new/Cargo.toml": crate("new"), "crates/new/src/lib.rs": ""}
    before, after = analyse(WORKSPACE), analyse({**WORKSPACE, **more})
    assert after == replace(before, others=after.others, other_paths=after.other_paths)
    assert len(after.others) == 2


def test_an_excluded_crate_is_its_own_root() -> None:
    found = analyse({**WORKSPACE, "crates/out/Cargo.lock": ""}, "crates/out")
    assert found.workspace == "crates/out"
    assert manifests(found) == ("crates/out/Cargo.lock", "crates/out/Cargo.toml")


def test_a_pointer_names_the_root() -> None:
    files = {
        "root/Cargo.toml": '[workspace]\nmembers = ["../app"]\n',
        "root/Cargo.lock": "",
        "app/Cargo.toml": crate("app", 'workspace = "../root"\n'),
        "app/src/main.rs": "",
    }
    assert analyse(files).workspace == "root"


@pytest.mark.parametrize(
    "dependency",
    [
        '[dependencies]\nlib = { path = "../lib" }\n',
        '[dependencies.lib]\npath = "../lib"\n',
        '[dependencies]\nlib = { version = "1", path = "../lib", optional = true }\n',
        '[build-dependencies]\nlib = { path = "../lib" }\n',
        "[target.'cfg(unix)'.dependencies]\nlib = { path = \"../lib\" }\n",
        '[dependencies]\nlib = "1"\n[patch.crates-io]\nlib = { path = "../lib" }\n',
    ],
)
def test_path_dependencies_are_followed(dependency: str) -> None:
    files = {
        "app/Cargo.toml": crate("app", dependency),
        "app/Cargo.lock": "",
        "app/src/main.rs": "",
        "lib/Cargo.toml": crate("lib"),
        "lib/src/lib.rs": "",
        "lib/tests/t.rs": "",
    }
    found = analyse(files)
    assert manifests(found) == ("app/Cargo.lock", "app/Cargo.toml", "lib/Cargo.toml")
    assert "lib/src/lib.rs" in found.files
    assert "lib/tests/t.rs" not in found.files


def test_a_dev_dependency_counts_by_manifest_and_target_paths() -> None:
    files = {
        "app/Cargo.toml": crate("app", '[dev-dependencies]\nlib = { path = "../lib" }\n'),
        "app/Cargo.lock": "",
        "lib/Cargo.toml": crate("lib"),
        "lib/src/lib.rs": "",
    }
    found = analyse(files)
    assert "lib/Cargo.toml" in found.files
    assert "lib/src/lib.rs" not in found.files
    assert found.target_paths == ("lib/src/lib.rs",)


def test_named_targets_count_wherever_they_are() -> None:
    manifest = crate(
        "app",
        'build = "tools/make.rs"\nautoexamples = false\n[lib]\npath = "lib/all.rs"\n'
        '[[bin]]\nname = "one"\npath = "bins/one.rs"\n[[bench]]\nname = "speed"\nharness = false\n'
        '[[example]]\nname = "shown"\n',
    )
    files = {
        "app/Cargo.toml": manifest,
        "app/Cargo.lock": "",
        "app/tools/make.rs": "",
        "app/build.rs": "",
        "app/lib/all.rs": "",
        "app/bins/one.rs": "",
        "app/src/main.rs": "",
        "app/src/bin/two.rs": "",
        "app/src/bin/three/main.rs": "",
        "app/src/bin/three/part.rs": "",
        "app/benches/speed.rs": "",
        "app/benches/other.rs": "",
        "app/examples/shown/main.rs": "",
        "app/examples/hidden.rs": "",
        "app/tests/it.rs": "",
        "app/tests/.dot.rs": "",
    }
    found = analyse(files)
    assert found.target_paths == (
        "app/benches/speed.rs", "app/bins/one.rs", "app/examples/shown/main.rs", "app/lib/all.rs",
        "app/src/bin/three/main.rs", "app/src/bin/two.rs", "app/src/main.rs", "app/tools/make.rs",
    )  # fmt: skip
    assert "app/benches/speed.rs" in found.files
    assert "app/examples/shown/main.rs" in found.files
    assert not {"app/benches/other.rs", "app/examples/hidden.rs"} & set(found.files)


@pytest.mark.parametrize(
    ("source", "counted"),
    [
        ('include_str!("../../proto/x.txt")', "proto/x.txt"),
        ('include_bytes! ( "../tests/data.bin" )', "app/tests/data.bin"),
        ('include!["../README.md"]', "app/README.md"),
        ('include_str!(r#"../README.md"#)', "app/README.md"),
        (
            'include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data.bin"))',
            "app/tests/data.bin",
        ),
        ('#[path = "../../proto/gen.rs"]\nmod gen;', "proto/gen.rs"),
        ('#[path = "../../proto/gen.rs"]\nmod gen;', "proto/x.txt"),
        ('#[cfg_attr(unix, path = "../../proto/gen.rs")]\nmod gen;', "proto/gen.rs"),
    ],
)
def test_files_that_sources_name_count_even_where_they_are_refused(
    source: str, counted: str
) -> None:
    files = {
        "app/Cargo.toml": crate("app"),
        "app/Cargo.lock": "",
        "app/README.md": "",
        "app/src/main.rs": source,
        "app/tests/data.bin": "",
        "proto/gen.rs": 'const X: &str = include_str!("x.txt");',
        "proto/x.txt": "",
    }
    without = analyse({**files, "app/src/main.rs": ""}, exclude=lambda path: path.endswith(".md"))
    assert counted not in without.files
    assert counted in analyse(files, exclude=lambda path: path.endswith(".md")).files


def test_settings_of_cargo_and_rustup_count_up_to_the_top() -> None:
    settings = {".cargo/config.toml": "", "app/.cargo/config": "", "rust-toolchain.toml": ""}
    files = {"app/Cargo.toml": crate("app"), "app/Cargo.lock": "", **settings}
    assert settings.keys() < set(manifests(analyse(files)))


def test_a_root_crate_leaves_packages_and_crates_inside_it_alone() -> None:
    files = {
        "Cargo.toml": crate("app", "[workspace]\n"),
        "Cargo.lock": "",
        "src/main.rs": "",
        "cmd/api/BUILD.yaml": "",
        "cmd/api/main.go": "",
        "other/Cargo.toml": crate("other"),
        "other/src/lib.rs": "",
    }
    assert analyse(files, "").files == ("Cargo.lock", "Cargo.toml", "src/main.rs")


def test_members_by_pattern_at_any_depth() -> None:
    files = {
        "Cargo.toml": '[workspace]\nmembers = ["./a/**/c-?"]\n',
        "Cargo.lock": "",
        "a/c-1/Cargo.toml": crate("c1"),
        "a/x/y/c-2/Cargo.toml": crate("c2"),
        "a/x/c-33/Cargo.toml": crate("c33"),
    }
    found = analyse(files, "a/c-1")
    assert "a/c-1/Cargo.toml" in manifests(found)
    assert found.others == ("a/x/y/c-2/Cargo.toml",)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "app/BUILD.yaml: there is no Cargo.toml here or in a folder above"),
        ({"app/Cargo.toml": crate("app")}, "app/Cargo.toml: there is no Cargo.lock beside it"),
        (
            {"Cargo.toml": "[workspace]\nmembers = []\n"},
            "Cargo.toml: this is a Cargo workspace without a package of its own",
        ),
        (
            {"app/Cargo.toml": "[package]\nname = 'x'\nversion = \n"},
            "app/Cargo.toml:3:11: this is not TOML: Invalid value",
        ),
        (
            {"app/Cargo.toml": "[package"},
            "app/Cargo.toml:1:9: this is not TOML: Expected ']' at the end of a table declaration",
        ),
        (
            {"app/Cargo.toml": crate("app", '[dependencies]\nx = {path="../../x"}\n')},
            "app/Cargo.toml:5:6: `../../x` is outside the workspace",
        ),
        (
            {"app/Cargo.toml": crate("app", '[dependencies.x]\npath = "../x"\n')},
            "app/Cargo.toml:5:1: there is no Cargo.toml in `../x`",
        ),
        (
            {"app/Cargo.toml": crate("app", '[workspace]\nmembers = ["gone"]\n')},
            "app/Cargo.toml: there is no Cargo.toml in `gone`",
        ),
    ],
)
def test_what_cannot_be_built_is_refused_with_its_place(
    files: dict[str, str], message: str
) -> None:
    assert str(refusal(files)) == message


def test_odd_values_are_left_to_cargo() -> None:
    odd = "package = 1\nworkspace = 2\ndependencies = 3\nbin = 4\n[target]\nx = 5\n[patch]\ny = 6\n"
    facts = CargoFileReader().read(odd)
    assert (facts["package"], facts["targets"], facts["paths"]) == ("", [], [])
