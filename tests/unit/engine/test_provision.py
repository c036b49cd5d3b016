"""Building BuildKit's programs, with a `go` that only does as if."""

from pathlib import Path

from buildsys.engine.provision import BUILDKIT, Toolbox

GO = """#!/bin/sh
echo "$@" >> {log}
while [ "$1" != -o ]; do shift; done
folder=$2; shift 2
for package in "$@"; do touch "$folder/${{package##*/}}"; done
"""


def toolbox(tmp_path: Path) -> Toolbox:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "go").write_text(GO.format(log=tmp_path / "log"))
    (programs / "go").chmod(0o755)
    (tmp_path / "bin").mkdir()
    return Toolbox(str(tmp_path / "bin"), f"{programs}:/usr/bin:/bin", lambda _message: None)


def packages(tmp_path: Path) -> list[list[str]]:
    lines = (tmp_path / "log").read_text().splitlines()
    return [[word for word in line.split() if "github.com" in word] for line in lines]


def test_both_programs_are_built_at_once(tmp_path: Path) -> None:
    tools = toolbox(tmp_path)
    assert tools.provide("buildctl") == str(tmp_path / "bin" / BUILDKIT / "buildctl")
    assert tools.provide("buildkitd") == str(tmp_path / "bin" / BUILDKIT / "buildkitd")
    commands = "github.com/moby/buildkit/cmd"
    assert packages(tmp_path) == [[f"{commands}/buildkitd", f"{commands}/buildctl"]]


def test_what_is_on_path_is_not_built(tmp_path: Path) -> None:
    tools = toolbox(tmp_path)
    there = tmp_path / "programs" / "buildctl"
    there.touch(mode=0o755)
    assert tools.provide("buildctl") == str(there)
    tools.provide("buildkitd")
    assert packages(tmp_path) == [["github.com/moby/buildkit/cmd/buildkitd"]]
