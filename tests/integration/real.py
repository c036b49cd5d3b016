"""The real things: the `bs` command in a checkout, the engine, a Docker daemon, a registry."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from buildsys.store.layers import opened

REPOSITORY = Path(__file__).parents[2]
PLATFORM = ("BUILD.yaml", "cmd", "common", "go.mod", "go.sum")
"""What of this repository the seven services are built from."""


@dataclass(frozen=True)
class Ran:
    """A finished command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Checkout:
    """A folder with a workspace, and the `bs` that runs there with a store of its choice."""

    root: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def environ(self) -> dict[str, str]:
        return dict(os.environ) | dict(self.environment)

    def bs(self, *arguments: str, timeout: float = 1500, **environment: str) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "buildsys", *arguments],
            cwd=self.root,
            env=self.environ() | environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "buildsys", *arguments],
            cwd=self.root,
            env=self.environ(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # A shell's background jobs ignore SIGINT, and so would what tests start there.
            preexec_fn=_heed_interrupts,  # noqa: PLW1509 - no threads here
        )

    def build(self, *arguments: str) -> Any:
        """Build, expecting success; returns the report."""
        ran = self.bs("build", *arguments, "--json")
        assert ran.code == 0, ran.err
        return ran.json

    def built(self, *arguments: str) -> set[tuple[str, str]]:
        """Build, expecting success; returns which layers of which targets were made by solves."""
        report = self.build(*arguments)
        made = {
            (target["label"].removeprefix("//cmd/"), layer["name"])
            for target in report["targets"]
            for layer in target["layers"]
            if layer["outcome"] == "built"
        }
        keys = {
            layer["key"]
            for target in report["targets"]
            for layer in target["layers"]
            if layer["outcome"] == "built"
        }
        assert report["engine"]["solves"] == len(keys)
        return made

    def stale(self, *arguments: str) -> set[tuple[str, str]]:
        """Which layers aren't fresh."""
        status = self.bs("status", *arguments, "--json")
        assert status.code == 0, status.err
        return {
            (target["label"].removeprefix("//cmd/"), layer["name"])
            for target in status.json["targets"]
            for layer in target["layers"]
            if layer["state"] != "fresh"
        }

    def edit(self, path: str, old: str, new: str) -> None:
        file = self.root / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))

    def image_files(self, label: str) -> dict[str, tuple[int, int, bytes]]:
        """Path → mode, owner and content of every file of the image, read from the exported layout."""
        return files_of_layout(self._exported(label))

    def image_times(self, label: str) -> dict[str, float]:
        """Path → Unix time of everything in the image's layers on top of the base, which is one layer."""
        folder = self._exported(label)
        layers = _manifest(folder)["layers"][1:]
        return {m.name: m.mtime for layer in layers for m, _ in _members(folder, layer["digest"])}

    def image_config(self, label: str) -> Any:
        return config_of_layout(self._exported(label))

    def _exported(self, label: str) -> Path:
        folder = self.root / ".exported"
        shutil.rmtree(folder, ignore_errors=True)
        ran = self.bs("image", label, "--output", str(folder))
        assert ran.code == 0, ran.err
        return folder


def _heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def files_of_layout(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    files: dict[str, tuple[int, int, bytes]] = {}
    for layer in _manifest(folder)["layers"]:
        for member, data in _members(folder, layer["digest"]):
            files[member.name.rstrip("/")] = (member.mode, member.uid, data)
    return files


def config_of_layout(folder: Path) -> Any:
    return json.loads(_blob(folder, _manifest(folder)["config"]["digest"]).read_bytes())


def _members(folder: Path, layer: str) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    with (
        opened(str(_blob(folder, layer))) as plain,
        tarfile.open(fileobj=plain, mode="r|") as tar,
    ):
        for member in tar:
            content = tar.extractfile(member) if member.isreg() else None
            yield member, content.read() if content else member.linkname.encode()


def _manifest(folder: Path) -> Any:
    index = json.loads((folder / "index.json").read_text())
    return json.loads(_blob(folder, index["manifests"][0]["digest"]).read_bytes())


def _blob(folder: Path, digest: str) -> Path:
    return folder / "blobs" / "sha256" / digest.removeprefix("sha256:")


def copy_platform(into: Path) -> Path:
    into.mkdir(parents=True, exist_ok=True)
    for name in PLATFORM:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, into / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, into / name)
    return into


def clone_store(source: Path, into: Path) -> None:
    """A store of its own with the same content: blobs as hard links, which nobody may write into."""
    into.mkdir(parents=True)
    subprocess.run(["cp", "-al", str(source / "blobs"), str(into / "blobs")], check=True)
    for name in ("records", "sizes"):
        shutil.copytree(source / name, into / name)


@contextmanager
def process(command: list[str], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A server that runs while the body does."""
    running = subprocess.Popen(command, start_new_session=True, **options)
    try:
        yield running
    finally:
        running.send_signal(signal.SIGTERM)
        try:
            running.wait(30)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
