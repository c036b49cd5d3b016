"""What a solve that fails is taken for: a failed step, or an engine that went away. By made-up buildctls."""

import json
from pathlib import Path

import pytest

from buildsys.engine.address import NAMED, Engine, EngineLost
from buildsys.engine.asking import answers, explained
from buildsys.engine.buildctl import BuildctlSolver
from buildsys.errors import BuildFailed
from buildsys.execution.ports import SolveRequest
from tests.fakes import RecordingProgress

LOST = (
    "error: failed to solve: Unavailable: error reading from server: EOF",
    "error: failed to solve: Unavailable: error reading from server: connection reset by peer",
    "error: failed to receive status: rpc error: code = Unavailable desc = error reading from server: EOF",
    (
        "error: listing workers for Build: failed to list workers: Unavailable: connection error: desc ="
        ' "error reading server preface: connection reset by peer"'
    ),
    (
        "error: listing workers for Build: failed to list workers: Unavailable: connection error: desc ="
        ' "transport: Error while dialing: dial unix /x.sock: connect: connection refused"'
    ),
)
"""What buildctl v0.34.2 said last when its buildkitd was killed, at any time of a solve (37 times)."""

STEP = "[build 2/2] RUN go build"
FAILED_STEP = json.dumps(
    {
        "vertexes": [
            {
                "digest": "sha256:1",
                "name": STEP,
                "started": "2026-01-01T00:00:00Z",
                "completed": "2026-01-01T00:00:01Z",
                "error": 'process "go build" did not complete successfully: exit code: 1',
            }
        ]
    }
)
FAILED = (
    'error: failed to solve: process "go build" did not complete successfully: exit code: 1',
    # A registry that the engine asked, and a step's own words, look like a broken connection.
    "error: failed to solve: x: failed to do request: rpc error: code = Unavailable desc = EOF",
    "error: failed to solve: Unavailable: error reading from server: EOF",
)


def solve(folder: Path, lines: list[str], *, answering: bool = True) -> None:
    """With a buildctl that says `lines` and fails, and an engine that answers afterwards, or doesn't."""
    said = folder / "said"
    said.write_text("".join(f"{line}\n" for line in lines))
    probe = "exit 0" if answering else "echo 'error: connection refused' >&2; exit 1"
    program = folder / "buildctl"
    program.write_text(
        f'#!/bin/sh\ncase "$*" in *"debug workers"*) {probe} ;; esac\ncat "{said}" >&2\nexit 1\n'
    )
    program.chmod(0o755)
    request = SolveRequest("image-1", "FROM x\n", "image", "linux/amd64", {}, "/l", str(folder))
    engine = Engine("unix:///x.sock", str(program), NAMED)
    BuildctlSolver("", {}).solve(engine, request, RecordingProgress())


@pytest.mark.parametrize("said", LOST)
def test_a_broken_connection_is_an_engine_lost_even_if_another_one_answers_there_now(
    tmp_path: Path, said: str
) -> None:
    with pytest.raises(EngineLost, match="went away: ") as lost:
        solve(tmp_path, ["{}", said])
    assert "Unavailable" not in lost.value.message


@pytest.mark.parametrize("said", FAILED)
@pytest.mark.parametrize("answering", [True, False])
def test_a_failed_step_is_no_failure_of_the_engine(
    tmp_path: Path, said: str, *, answering: bool
) -> None:
    with pytest.raises(BuildFailed) as failed:
        solve(tmp_path, [FAILED_STEP, said], answering=answering)
    assert STEP in failed.value.message


def test_what_else_went_wrong_is_the_engines_fault_only_if_it_is_gone(tmp_path: Path) -> None:
    said = ["error: failed to solve: Canceled: context canceled"]
    with pytest.raises(BuildFailed, match="context canceled"):
        solve(tmp_path, said)
    with pytest.raises(EngineLost, match="went away: connection refused"):
        solve(tmp_path, said, answering=False)


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        (
            (
                'error: failed to list workers: Unavailable: connection error: desc = "transport:'
                " authentication handshake failed: tls: failed to verify certificate: x509: certificate"
                ' signed by unknown authority"'
            ),
            (
                "its certificate isn't one that we trust (tls: failed to verify certificate: x509:"
                " certificate signed by unknown authority)"
            ),
        ),
        (
            (
                'error: failed to list workers: Unavailable: connection error: desc = "error reading server'
                ' preface: remote error: tls: certificate required"'
            ),
            "it takes none of our client certificates (remote error: tls: certificate required)",
        ),
        (
            (
                'error: failed to list workers: Unavailable: connection error: desc = "error reading server'
                ' preface: EOF"'
            ),
            "it closes the connection at once, as one does that wants TLS, or another certificate (EOF)",
        ),
        (
            (
                'error: failed to list workers: Unavailable: connection error: desc = "error reading server'
                ' preface: write tcp 127.0.0.1:1->127.0.0.1:2: write: connection reset by peer"'
            ),
            (
                "it closes the connection at once, as one does that wants TLS, or another certificate"
                " (write tcp 127.0.0.1:1->127.0.0.1:2: write: connection reset by peer)"
            ),
        ),
        (
            "error: could not read ca certificate: open c/none.pem: no such file or directory",
            "could not read ca certificate: open c/none.pem: no such file or directory",
        ),
    ],
)
def test_troubles_with_a_connection_are_said_in_plain_words(said: str, meaning: str) -> None:
    assert explained(said) == meaning


def test_a_buildctl_that_is_not_there_answers_nothing(tmp_path: Path) -> None:
    assert "No such file" in answers(Engine("unix:///x", str(tmp_path / "buildctl"), NAMED))
