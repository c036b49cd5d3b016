"""The Dockerfile that `bs dockerfile` prints, built by plain buildctl as its comment says."""

import shlex
import subprocess
import tarfile
from pathlib import Path

import pytest

from buildsys.machine import Machine
from tests.integration.real import Checkout, Ran, config_of_layout, files_of_layout

GO = ("fanout", "http-worker", "orchestrator")


class Silent:
    def emit(self, event: object) -> None:
        """Nobody listens."""


def buildctl(checkout: Checkout, *arguments: str) -> Ran:
    engine = Machine(checkout.environ(), Silent()).locator().engine()
    done = subprocess.run(
        [engine.buildctl, "--addr", engine.address, *arguments],
        cwd=checkout.root,
        capture_output=True,
        text=True,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("name", [*GO, "agent-runner-py", "aob-cli"])
def test_plain_buildctl_builds_an_image_with_the_same_files(
    checkout: Checkout, tmp_path: Path, name: str
) -> None:
    printed = checkout.bs("dockerfile", f"//cmd/{name}")
    assert printed.code == 0
    folder = tmp_path / "dockerfile"
    folder.mkdir()
    (folder / "Dockerfile").write_text(printed.out)
    command = command_in_comment(printed.out, str(folder), str(tmp_path / "image.tar"))
    ran = buildctl(checkout, *command[1:])
    assert ran.code == 0, ran.err
    layout = tmp_path / "layout"
    with tarfile.open(tmp_path / "image.tar") as tar:
        tar.extractall(layout, filter="data")
    plain, own = files_of_layout(layout), checkout.image_files(f"//cmd/{name}")
    assert plain.keys() == own.keys()
    assert {path for path in own if plain[path] != own[path]} == set()
    if name in GO:
        # All of go.mod and go.sum went into this one, into the other only what it notices of them.
        layers = config_of_layout(layout)["rootfs"]["diff_ids"]
        assert layers[-1] == checkout.image_config(f"//cmd/{name}")["rootfs"]["diff_ids"][-1]


def command_in_comment(dockerfile: str, folder: str, output: str) -> list[str]:
    lines = [line[1:] for line in dockerfile.splitlines() if line.startswith("#   ")]
    words = shlex.split("\n".join(lines).replace("\\\n", " "))
    return [
        word.replace("dockerfile=DIR", f"dockerfile={folder}").replace(
            "dest=image.tar", f"dest={output}"
        )
        for word in words
    ]


def test_images_are_the_same_without_the_accelerator(checkout: Checkout, tmp_path: Path) -> None:
    """The `packages` layer isn't in the key of the code: building without it has to give the same bytes."""
    printed = checkout.bs("dockerfile", "//cmd/http-worker").out
    head, _, rest = printed.partition("FROM modules AS packages\n")
    stages = rest.split("\nFROM ", 1)
    without = f"{head}FROM modules AS packages\n\nFROM {stages[1]}"
    assert "go build -buildvcs=false" in stages[0]
    assert without.count("go build -buildvcs=false") == 1
    folder = tmp_path / "dockerfile"
    folder.mkdir()
    (folder / "Dockerfile").write_text(without)
    ran = buildctl(
        checkout, *command_in_comment(printed, str(folder), str(tmp_path / "image.tar"))[1:]
    )
    assert ran.code == 0, ran.err
    with tarfile.open(tmp_path / "image.tar") as tar:
        tar.extractall(tmp_path / "layout", filter="data")
    binary = "usr/local/bin/http-worker"
    own = checkout.image_files("//cmd/http-worker")[binary]
    assert files_of_layout(tmp_path / "layout")[binary] == own
