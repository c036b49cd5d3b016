"""Cargo workspaces made by chance, with published crates beside them in a vendored folder."""

import json
import random
from pathlib import Path

PUBLISHED = 7
MEMBERS = 5
NOISE = (
    'description = "made # up"', 'authors = ["Me"]', 'keywords = ["a"]', 'license = "MIT"', "publish = false",
    'readme = "README.md"',
)  # fmt: skip


def write_published(chance: random.Random, folder: Path) -> None:
    """Crates p0, p1, …: each may need later ones, some of them only by a feature."""
    for number in range(PUBLISHED):
        later = [one for one in range(number + 1, PUBLISHED) if chance.random() < 0.5]
        optional = {one for one in later if chance.random() < 0.6}
        lines = [
            "[package]", f'name = "p{number}"', f'version = "1.{number}.0"', 'edition = "2021"',
            "[features]",
            *(f'f{one} = ["dep:p{one}"]' for one in optional),
            "[dependencies]",
            *(
                f'p{one} = {{ version = "1", optional = {str(one in optional).lower()} }}'
                for one in later
            ),
        ]  # fmt: skip
        home = folder / f"p{number}"
        (home / "src").mkdir(parents=True)
        (home / "src" / "lib.rs").write_text("")
        (home / "Cargo.toml").write_text("\n".join(lines) + "\n")
        checksum = {"files": {}, "package": f"{number:064x}"}
        (home / ".cargo-checksum.json").write_text(json.dumps(checksum))


def write_workspace(chance: random.Random, root: Path, published: Path) -> None:
    """Crates m0, m1, …: each may need later ones, and published ones with some of their features."""
    lines = [
        "# made up", "[workspace]", 'members = ["m*"]', f'resolver = "{chance.choice("12")}"',
        "[workspace.package]", 'version = "3.2.1"', 'edition = "2021"', 'description = "shared"',
        "[workspace.lints.clippy]", 'all = "warn"',
        "[workspace.dependencies]",
        *(
            f"p{one} = {_wanted(chance, published, one)}" for one in range(PUBLISHED)
        ),
        *(f'm{one} = {{ version = "3", path = "m{one}" }}' for one in range(MEMBERS)),
        "[profile.release]", "panic = 'abort' # small",
    ]  # fmt: skip
    if chance.random() < 0.3:
        lines += ["[package]", 'name = "top"', 'version = "0.1.0"', "[dependencies]", 'p0 = "1"']
        (root / "src").mkdir(parents=True)
        (root / "src" / "lib.rs").write_text("")
    for number in range(MEMBERS):
        home = root / f"m{number}"
        (home / "src").mkdir(parents=True)
        (home / "src" / chance.choice(("lib.rs", "lib.rs", "main.rs"))).write_text("")
        (home / "src" / "lib.rs").write_text("")
        (home / "Cargo.toml").write_text(_member(chance, published, number))
    (root / "Cargo.toml").write_text("\n".join(lines) + "\n")


def _member(chance: random.Random, published: Path, number: int) -> str:
    lines = [
        f"# the crate m{number}", "[package]", f'name = "m{number}"',
        chance.choice(('version = "3.0.7"', "version.workspace = true")),
        "edition.workspace = true", *chance.sample(NOISE, 2),
    ]  # fmt: skip
    lines += ["[lints]", "workspace = true"] if chance.random() < 0.5 else []
    for title in (
        "dependencies", "build-dependencies", "dev-dependencies", "target.'cfg(unix)'.dependencies",
    ):  # fmt: skip
        lines.append(f"[{title}]")
        for one in range(PUBLISHED):
            if chance.random() < 0.2:
                inherited = f"p{one}.workspace = true"
                lines.append(
                    chance.choice((inherited, f"p{one} = {_wanted(chance, published, one)}"))
                )
        for one in range(number + 1, MEMBERS):
            if chance.random() < 0.15:
                lines.append(
                    chance.choice(
                        (
                            f"m{one}.workspace = true",
                            f'm{one} = {{ path = "../m{one}", version = "3.0" }} # near',
                        )
                    )
                )
    return "\n".join(lines) + "\n"


def _wanted(chance: random.Random, published: Path, one: int) -> str:
    text = (published / f"p{one}" / "Cargo.toml").read_text()
    features = [line.partition(" ")[0] for line in text.splitlines() if line.startswith("f")]
    some = [f'"{feature}"' for feature in features if chance.random() < 0.4]
    return f'{{ version = "1", features = [{", ".join(some)}] }}'
