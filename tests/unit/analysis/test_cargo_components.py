"""The crates of a program by its lock: those that it may be compiled with, not those of its tests."""

from buildsys.analysis.cargo_components import locked_components
from buildsys.analysis.rust_sources import rust_sources
from tests.fake_tree import DictTree

CARGO = """
[package]
name = "cli"
version = "0.1.0"
[dependencies]
clap = "4"
shared = { path = "../shared" }
renamed = { package = "real", version = "1" }
[build-dependencies]
cc = "1"
[dev-dependencies]
tempfile = "3"
clap = "4"
[target.'cfg(windows)'.dependencies]
winapi = "0.3"
"""
SHARED = """
[package]
name = "shared"
version = "0.2.0"
[dependencies]
git-one = { git = "https://example.com/one" }
[dev-dependencies]
proptest = "1"
"""
REGISTRY = 'source = "registry+https://github.com/rust-lang/crates.io-index"'
SUM = "ab" * 32


def package(name: str, *needs: str, source: str = REGISTRY, version: str = "1.0.0") -> str:
    checksum = f'checksum = "{SUM}"\n' if source == REGISTRY else ""
    wanted = ", ".join(f'"{one}"' for one in needs)
    return (
        f'[[package]]\nname = "{name}"\nversion = "{version}"\n{source}\n{checksum}'
        f"dependencies = [{wanted}]\n"
    )


LOCK = "version = 4\n" + "".join(
    (
        package("cli", "clap", "shared", "real", "cc", "tempfile", "winapi", source=""),
        package("shared", "git-one", "proptest", source=""),
        package("clap", "bitflags 2.0.0"),
        package("bitflags", version="1.0.0"),
        package("bitflags", version="2.0.0"),
        package("real"), package("cc"), package("tempfile", "fastrand"), package("fastrand"),
        package("winapi"), package("proptest"),
        package("git-one", source='source = "git+https://example.com/one#0123abc"'),
    )
)  # fmt: skip
TREE = DictTree(
    {
        "cli/Cargo.toml": CARGO, "cli/Cargo.lock": LOCK, "cli/src/main.rs": "fn main() {}",
        "shared/Cargo.toml": SHARED, "shared/src/lib.rs": "",
    }
)  # fmt: skip


def test_crates_of_tests_are_left_out_and_ambiguous_names_told_apart() -> None:
    sources = rust_sources(TREE, "cli", exclude=lambda _path: False)
    found = locked_components(TREE, sources)
    assert [one.purl.removeprefix("pkg:cargo/") for one in found] == [
        "bitflags@2.0.0", "cc@1.0.0", "clap@1.0.0", "git-one@1.0.0", "real@1.0.0", "winapi@1.0.0",
    ]  # fmt: skip
    by_name = {one.name: one for one in found}
    assert by_name["clap"].checksum == f"sha256:{SUM}"
    assert by_name["clap"].origin == "https://static.crates.io/crates/clap/clap-1.0.0.crate"
    assert by_name["git-one"].checksum is None
    assert by_name["git-one"].origin == "git+https://example.com/one#0123abc"
    assert not any(one.found for one in found)
