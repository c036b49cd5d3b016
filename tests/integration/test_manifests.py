"""What of a manifest reaches which layer, by real builds; and that what is left out reaches no image."""

import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.integration.real import REPOSITORY, Checkout, files_of_layout
from tests.integration.test_eject import buildctl, command_in_comment

AGENT, AOB = "cmd/agent-runner-py", "cmd/aob-cli"


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def shuffled(requirements: str) -> str:
    """Other comments, other layout, requirements and hashes in another order."""
    lines = [line for line in requirements.splitlines() if not line.strip().startswith("#")]
    blocks = "\n".join(lines).replace(" \\\n   ", "").splitlines()
    words = [[line.split()[0], *reversed(line.split()[1:])] for line in reversed(blocks) if line]
    return "# all new\n" + "\n\n".join(" \\\n  ".join(block) for block in words) + " # end\n"


def test_requirements_in_another_order_are_the_same(checkout: Checkout) -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        file = checkout.root / AGENT / name
        before = file.read_text()
        file.write_text(shuffled(before))
        assert len(file.read_text().splitlines()) != len(before.splitlines())
    assert checkout.stale("all") == set()
    assert checkout.build("all")["engine"]["solves"] == 0


def test_what_only_people_and_linters_read_of_a_crate_builds_nothing(checkout: Checkout) -> None:
    manifest = f"{AOB}/Cargo.toml"
    append(checkout.root / manifest, 'cargo = "warn" # a lint\n')
    append(checkout.root / f"{AOB}/Cargo.lock", "# a comment\n")
    checkout.edit(manifest, "publish = false\n", 'keywords = ["cli"]\nmetadata.docs.rs.x = 1\n')
    assert checkout.stale("all") == set()
    assert checkout.build("all")["engine"]["solves"] == 0
    checkout.edit(manifest, 'unsafe_code = "forbid"', 'unsafe_code = "deny"')
    assert checkout.stale("all") == {("aob-cli", "image")}
    checkout.edit(manifest, '"std", "help"', '"std", "color", "help"')
    assert checkout.stale("all") == {("aob-cli", "cook"), ("aob-cli", "image")}


def test_a_new_version_of_a_crate_is_built_on_its_old_dependencies(
    checkout: Checkout, tmp_path: Path
) -> None:
    version = f"7.{int.from_bytes(os.urandom(4))}.1"
    checkout.edit(f"{AOB}/Cargo.toml", 'version = "0.1.0"', f'version = "{version}"')
    checkout.edit(
        f"{AOB}/Cargo.lock", 'name = "aob-cli"\nversion = "0.1.0"',
        f'name = "aob-cli"\nversion = "{version}"',
    )  # fmt: skip
    assert checkout.built("all") == {("aob-cli", "image")}
    binary = tmp_path / "aob"
    binary.write_bytes(checkout.image_files(f"//{AOB}")["usr/local/bin/aob"][2])
    binary.chmod(0o755)
    said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout
    assert said.split()[-1] == version


# --- what is said not to matter -------------------------------------------------------------------


def test_images_are_the_same_with_everything_changed_that_is_said_not_to_matter(
    private: Checkout,
) -> None:
    """Keys can't tell: the records are gone, so the images are really built again."""
    names = ("agent-runner-py", "fanout", "aob-cli")
    before = digests(private, *names)
    edit_what_does_not_matter(private)
    assert private.stale("all") == set()
    forget(private, "image", "requirements")
    labels = [f"//cmd/{name}" for name in names]
    assert {(name, "image") for name in names} < private.built(*labels)
    assert digests(private, *names) == before


def edit_what_does_not_matter(checkout: Checkout) -> None:
    root = checkout.root
    for name in ("requirements.txt", "requirements-dev.txt"):
        file = root / AGENT / name
        file.write_text(shuffled(file.read_text()))
    append(root / AOB / "Cargo.toml", 'cargo = "warn" # a lint\n')
    append(root / AOB / "Cargo.lock", "# a comment\n")
    checkout.edit(f"{AOB}/Cargo.toml", "publish = false\n", 'categories = ["x"] # y\n')
    new = {
        "README.md": "# Read me\n",
        f"{AGENT}/README.md": "# Read me\n",
        f"{AGENT}/pyproject.toml": "[tool.ruff]\nline-length = 100\n",
        f"{AGENT}/tox.ini": "[tox]\n",
        f"{AGENT}/tests/test_more.py": "x = 1\n",
        f"{AOB}/README.md": "# Read me\n",
        f"{AOB}/tests/more.rs": "",
        "common/unused/unused.go": "package unused\n",
        "common/unused/unused.py": "x = 1\n",
        "common/store/more_test.go": "package store\n",
        "cmd/fanout/fanout_windows.go": "package main\n\nfunc init() { panic(1) }\n",
        "cmd/fanout/more_test.go": "package main\n",
    }
    for path, text in new.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def digests(checkout: Checkout, *names: str) -> dict[str, str]:
    status = checkout.bs("status", "--json").json
    return {
        target["label"]: target["layers"][-1]["digest"]
        for target in status["targets"]
        if target["label"].removeprefix("//cmd/") in names
    }


def forget(checkout: Checkout, *layers: str) -> None:
    records = Path(checkout.environ()["BS_CACHE_DIR"]) / "store" / "records"
    for record in records.glob("*/*"):
        _, _, document = record.read_text().partition("\n")
        if json.loads(document)["manifest"].get("layer") in layers:
            record.unlink()


# --- a Cargo workspace ----------------------------------------------------------------------------

FAR = """\
[package]
name = "far"
version = "0.1.0"
edition = "2021"
[dependencies]
numbers.workspace = true
# Brings packages into the lock that nobody else has.
itoa = { version = "1", features = ["no-panic"] }
"""


@pytest.fixture
def members(checkout: Checkout, tmp_path: Path) -> Checkout:
    """A program in a Cargo workspace with a member that it doesn't need."""
    assert checkout.root.is_dir()
    root = tmp_path / "members"
    shutil.copytree(REPOSITORY / "tests" / "workspaces" / "cargo-workspace", root)
    (root / "crates/far/src").mkdir(parents=True)
    (root / "crates/far/src/lib.rs").write_text("")
    (root / "crates/far/Cargo.toml").write_text(FAR)
    (root / "crates/teller/tests").mkdir()
    (root / "crates/teller/tests/it.rs").write_text("#[test] fn it() {}\n")
    lock(root)
    return Checkout(root)


def lock(root: Path) -> None:
    done = subprocess.run(
        ["cargo", "update", "--workspace"], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_member_of_a_cargo_workspace_is_built_without_those_that_it_does_not_need(
    members: Checkout, tmp_path: Path
) -> None:
    assert "no-panic" in (members.root / "Cargo.lock").read_text()
    members.edit(
        "crates/teller/Cargo.toml", "[dependencies]", f"[features]\n{name()} = []\n[dependencies]"
    )
    assert {("//crates/teller", "cook"), ("//crates/teller", "image")} <= members.built("all")
    assert said_by(members, tmp_path) == "42 is the answer\n"
    tested = members.bs("test", "all")
    assert tested.code == 0, tested.err
    append(members.root / "crates/far/Cargo.toml", 'cfg-if = "1"\n')
    members.edit("crates/far/Cargo.toml", 'version = "0.1.0"', 'version = "0.2.0"')
    lock(members.root)
    assert "cfg-if" in (members.root / "Cargo.lock").read_text()
    assert members.stale("all") == set()
    members.edit("crates/numbers/Cargo.toml", 'version = "0.1.0"', 'version = "0.1.7"')
    lock(members.root)
    assert members.built("all") == {("//crates/teller", "image")}
    append(members.root / "crates/teller/Cargo.toml", 'cfg-if = "1"\nonce_cell = "1"\n')
    ran = members.bs("build", "all")
    assert ran.code == 1
    assert "Cargo.lock needs to be updated" in ran.err


def test_plain_buildctl_builds_the_same_from_the_whole_cargo_workspace(
    members: Checkout, tmp_path: Path
) -> None:
    members.build("all")
    printed = members.bs("dockerfile", "//crates/teller").out
    folder = tmp_path / "dockerfile"
    folder.mkdir()
    (folder / "Dockerfile").write_text(printed)
    image = tmp_path / "image.tar"
    ran = buildctl(members, *command_in_comment(printed, str(folder), str(image))[1:])
    assert ran.code == 0, ran.err
    with tarfile.open(image) as tar:
        tar.extractall(tmp_path / "layout", filter="data")
    assert files_of_layout(tmp_path / "layout") == members.image_files("//crates/teller")


def name() -> str:
    return f"made_up_{os.urandom(4).hex()}"


def said_by(members: Checkout, folder: Path) -> str:
    binary = folder / "teller"
    binary.write_bytes(members.image_files("//crates/teller")["usr/local/bin/teller"][2])
    binary.chmod(0o755)
    return subprocess.run([binary], capture_output=True, text=True, check=True).stdout
