"""Signing by the program that is on PATH."""

from pathlib import Path

import pytest

from buildsys.errors import MachineError
from buildsys.model.digest import Digest
from buildsys.registry.repository import Repository
from buildsys.release.cosign import Cosign

DIGEST = Digest(f"sha256:{'a' * 64}")


def install(folder: Path, script: str) -> dict[str, str]:
    program = folder / "cosign"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin"}


def test_an_image_is_signed_by_digest(tmp_path: Path) -> None:
    said = tmp_path / "said"
    environment = install(tmp_path, f'echo "$@" >> {said}')
    Cosign(environment).sign(Repository.at("r.example.com", "shop/api"), DIGEST)
    Cosign(environment, "env://KEY").sign(Repository.at("r:5000", "api", plain=True), DIGEST)
    assert said.read_text().splitlines() == [
        f"sign --yes r.example.com/shop/api@{DIGEST}",
        f"sign --yes --key env://KEY --allow-http-registry r:5000/api@{DIGEST}",
    ]


def test_what_cosign_says_is_passed_on(tmp_path: Path) -> None:
    cosign = Cosign(install(tmp_path, "echo 'Error: no key' >&2; exit 1"))
    with pytest.raises(MachineError, match=r"didn't sign r/api@sha256:a+: Error: no key"):
        cosign.sign(Repository.at("r", "api"), DIGEST)


def test_without_cosign_signing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="it isn't on PATH"):
        Cosign({"PATH": str(tmp_path)})
