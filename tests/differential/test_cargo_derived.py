"""Derived manifests against cargo: the same dependencies, in the same versions, with the same features."""

import random
import re
from pathlib import Path

import pytest

from buildsys.analysis.rust_sources import rust_sources
from buildsys.model.sources import Derived
from tests.differential.cargo_workspaces import MEMBERS, write_published, write_workspace
from tests.differential.workspaces import output_of, tree_of

SEEDS = range(12)


class Cargo:
    """cargo, with published crates from a folder."""

    def __init__(self, published: Path) -> None:
        source = f'source.crates-io.replace-with="x"\nsource.x.directory="{published}"'
        self.settings = [f"--config={line}" for line in source.splitlines()]

    def __call__(self, root: Path, command: str, *arguments: str) -> str:
        return output_of("cargo", *self.settings, command, "--offline", *arguments, cwd=root)

    def tree(self, root: Path, crate: str) -> list[str]:
        """What building the crate compiles: names, versions, features; local versions left out."""
        form = ("--prefix=none", "--edges=normal,build", "--format={p} {f}", "--no-dedupe")
        printed = self(root, "tree", "--locked", f"--package={crate}", *form)
        lines = [re.sub(r"^(m\d|top) v\S+", r"\1", line) for line in printed.splitlines()]
        return sorted({line.replace(f"({root}", "(") for line in lines})


def written(root: Path, derived: Derived, names: tuple[str, ...]) -> Path:
    texts = dict.fromkeys(names, "") | dict(derived)
    for path, text in texts.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def packages(lock: Path) -> set[str]:
    return set(re.findall(r"^checksum = .*$", lock.read_text(), re.MULTILINE))


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_cargo_takes_the_same_dependencies_of_the_derived_manifests(
    seed: int, tmp_path: Path
) -> None:
    chance = random.Random(seed)
    published, root = tmp_path / "published", tmp_path / "all"
    write_published(chance, published)
    write_workspace(chance, root, published)
    cargo = Cargo(published)
    cargo(root, "generate-lockfile")
    for number in chance.sample(range(MEMBERS), 2):
        crate = f"m{number}"
        sources = rust_sources(tree_of(root), crate, exclude=lambda _: False)
        whole = cargo.tree(root, crate)
        for name, derived in (("recipe", sources.recipe), ("code", sources.derived)):
            alone = written(tmp_path / f"{crate}-{name}", derived, sources.target_paths)
            before = packages(alone / "Cargo.lock")
            cargo(alone, "update", "--workspace")
            assert packages(alone / "Cargo.lock") <= before, "nothing is added to the lock"
            assert cargo.tree(alone, crate) == whole


@pytest.mark.slow
def test_a_crate_of_its_own_needs_no_other_lock(tmp_path: Path) -> None:
    chance = random.Random(1)
    published, root = tmp_path / "published", tmp_path / "all"
    write_published(chance, published)
    (root / "src").mkdir(parents=True)
    (root / "src" / "main.rs").write_text("")
    (root / "Cargo.toml").write_text(
        '[package]\nname = "m1"\nversion = "2.0.0"\nedition = "2021"\n[dependencies]\np0 = "1"\n'
    )
    cargo = Cargo(published)
    cargo(root, "generate-lockfile")
    sources = rust_sources(tree_of(root), "", exclude=lambda _: False)
    assert not sources.narrowed
    for name, derived in (("recipe", sources.recipe), ("code", sources.derived)):
        alone = written(tmp_path / name, derived, sources.target_paths)
        assert cargo.tree(alone, "m1") == cargo.tree(root, "m1")


@pytest.mark.slow
def test_what_the_lock_lacks_shows_once_cargo_has_narrowed_it(tmp_path: Path) -> None:
    """The step that narrows a lock compares these lines: a lock out of date stops the build."""
    chance = random.Random(2)
    published, root = tmp_path / "published", tmp_path / "all"
    write_published(chance, published)
    write_workspace(chance, root, published)
    cargo = Cargo(published)
    cargo(root, "generate-lockfile")
    lock = root / "Cargo.lock"
    last = max(re.findall(r'name = "(p\d)"', lock.read_text()))
    entry = re.compile(rf'\[\[package\]\]\nname = "{last}"\n(?:.+\n)*\n?')
    lock.write_text(entry.sub("", lock.read_text()).replace(f' "{last}",\n', ""))
    before = packages(lock)
    cargo(root, "update", "--workspace")
    assert packages(lock) - before
