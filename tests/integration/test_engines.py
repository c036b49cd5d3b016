"""Many engines: real BuildKits on loopback, by mTLS, sockets and a pod, some of which die."""

import json
import os
import re
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from buildsys.engine.buildctl import BuildctlSolver
from buildsys.engine.failover import FailoverSolver
from buildsys.engine.locate import EngineLocator
from buildsys.engine.pool import EnginePool
from buildsys.errors import BuildFailed
from buildsys.execution.ports import SolveRequest
from buildsys.execution.rendezvous import ranked
from buildsys.machine import Machine
from buildsys.model.target import EngineSettings
from tests.fakes import RecordingProgress
from tests.integration.conftest import wait_for
from tests.integration.engines import RealEngine, make_certificates, named, real_engines
from tests.integration.real import Checkout
from tests.integration.test_eject import Silent

GO_SERVICES = ("fanout", "hitl-worker", "http-worker")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificates(tmp_path_factory.mktemp("certificates"), "127.0.0.1", "buildkitd")


@pytest.fixture(scope="module")
def engines(
    tmp_path_factory: pytest.TempPathFactory, certificates: Path
) -> Iterator[list[RealEngine]]:
    """Three, two of them by mTLS. Who kills one starts it again."""
    folder = tmp_path_factory.mktemp("engines")
    with real_engines(folder, "tcp", "tcp", "unix", certificates=certificates / "server") as found:
        yield found
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def many(private: Checkout, engines: list[RealEngine], certificates: Path) -> Checkout:
    """A checkout with a store of its own that builds on all engines, one solve at a time on each."""
    private.environment = {
        **private.environment,
        "BS_ENGINES": named(engines),
        "BS_ENGINES_CERTIFICATES": str(certificates / "client"),
        "BS_ENGINES_SOLVES": "1",
    }
    return private


def touch(checkout: Checkout, *services: str, text: str = "") -> None:
    for service in services:
        main = checkout.root / f"cmd/{service}/main.go"
        main.write_text(f"{main.read_text()}// {os.urandom(8).hex()}\n{text}")


def events_in(path: Path) -> list[Any]:
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def running_go(path: Path) -> str:
    """The engine on which the compiler of some service was started first."""
    engines = {e["key"]: e["engine"] for e in events_in(path) if e["event"] == "ActionEngine"}
    steps = [e for e in events_in(path) if e["event"] == "ActionStep" and "go build" in e["name"]]
    return str(engines[steps[0]["key"]]) if steps else ""


def test_three_engines_build_what_one_builds_though_one_of_them_dies(
    many: Checkout, engines: list[RealEngine], tmp_path: Path
) -> None:
    touch(many, *GO_SERVICES)
    labels = [f"//cmd/{service}" for service in GO_SERVICES]
    events = tmp_path / "events"
    build = many.start("build", *labels, "--json", "--events", str(events))
    wait_for(lambda: bool(running_go(events)), seconds=300)
    (victim,) = (engine for engine in engines if engine.address == running_go(events))
    victim.kill()
    try:
        out, err = build.communicate(timeout=600)
    finally:
        victim.start()
    assert build.returncode == 0, err
    report = json.loads(out)
    assert report["engine"]["solves"] == len(GO_SERVICES)
    assert set(report["engine"]["by_address"]) == {e.address for e in engines} - {victim.address}
    assert f"engine {victim.address}: went away" in err
    begun = {e["engine"] for e in events_in(events) if e["event"] == "ActionEngine"}
    assert begun == {engine.address for engine in engines}, "there was one solve on each"
    alone = Checkout(many.root).build(*labels)
    assert alone["engine"]["solves"] == len(GO_SERVICES)
    assert digests(report) == digests(alone)


def digests(report: Any) -> dict[str, str]:
    return {target["label"]: target["image"]["digest"] for target in report["targets"]}


def test_a_compile_error_is_tried_on_one_engine_only(many: Checkout, tmp_path: Path) -> None:
    touch(many, "fanout", text="var x int = undefinedName\n")
    events = tmp_path / "events"
    ran = many.bs("build", "fanout", "--events", str(events))
    assert ran.code == 1, ran.err
    assert "undefined: undefinedName" in ran.err
    assert [e["event"] for e in events_in(events)].count("ActionEngine") == 1


def test_a_no_op_contacts_nobody(many: Checkout) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        report = many.bs("build", "all", "-k", "--json", BS_ENGINES=address)
        assert report.code == 0, report.err
        assert report.json["engine"]["solves"] == 0
        server.setblocking(False)  # noqa: FBT003
        with pytest.raises(BlockingIOError):
            server.accept()


def test_doctor_tells_the_state_of_each_engine(many: Checkout, engines: list[RealEngine]) -> None:
    addresses = f"{named(engines)},unix:///no/such/socket"
    ran = many.bs("doctor", BS_ENGINES=addresses)
    assert ran.code == 0, "one that answers suffices"
    assert all(f"ok  engine {engine.address}: answers" in ran.out for engine in engines)
    assert "MISSING engine unix:///no/such/socket: dial unix" in ran.out
    ran = many.bs("doctor", BS_ENGINES="unix:///no/such/socket")
    assert ran.code == 36


def test_a_wrong_certificate_is_named(
    many: Checkout, engines: list[RealEngine], tmp_path: Path
) -> None:
    others = make_certificates(tmp_path / "others", "127.0.0.1")
    mixed = tmp_path / "mixed"
    shutil.copytree(others / "client", mixed)
    trusted = Path(many.environ()["BS_ENGINES_CERTIFICATES"])
    shutil.copy(trusted / "ca.crt", mixed)
    by_tcp = [engine for engine in engines if engine.certificates is not None]
    touch(many, "fanout")
    refused = "it doesn't take our client certificate"
    # In TLS 1.3 a client learns that after its handshake: it may find the connection closed before.
    closed = "it closes the connection at once, as one does that wants TLS, or another certificate"
    for folder, said in (
        (others / "client", "its certificate isn't one that we trust"),
        (mixed, f"({refused}|{closed})"),
    ):
        ran = many.bs(
            "build", "fanout", BS_ENGINES=named(by_tcp), BS_ENGINES_CERTIFICATES=str(folder)
        )
        assert ran.code == 36
        for engine in by_tcp:
            assert re.search(f"{re.escape(engine.address)}: {said}", ran.err), ran.err
    ran = many.bs("build", "fanout", BS_ENGINES=named(by_tcp), BS_ENGINES_CERTIFICATES="")
    assert ran.code == 36
    assert "it closes the connection at once, as one does that wants TLS" in ran.err


def test_the_name_in_a_certificate_may_be_given(many: Checkout, engines: list[RealEngine]) -> None:
    """As by a forwarded port."""
    address = engines[0].address
    well = many.bs("doctor", BS_ENGINES=address, BS_ENGINES_SERVER_NAME="buildkitd")
    assert well.code == 0, well.out
    ill = many.bs("doctor", BS_ENGINES=address, BS_ENGINES_SERVER_NAME="other")
    assert ill.code == 36
    assert "its certificate isn't one that we trust" in ill.out


def test_tcp_without_tls_is_a_usage_error(many: Checkout) -> None:
    touch(many, "fanout")
    many.edit("BUILD.yaml", "workspace:", "engine: {addresses: ['tcp://buildkitd:1']}\nworkspace:")
    ran = many.bs("build", "fanout", BS_ENGINES="", BS_ENGINES_CERTIFICATES="")
    assert ran.code == 2
    assert "tcp://buildkitd:1 is refused without TLS" in ran.err


def test_where_no_engine_is_left_each_is_named_with_its_reason(many: Checkout) -> None:
    touch(many, "fanout")
    ran = many.bs("build", "fanout", BS_ENGINES="unix:///no/1,tcp://127.0.0.1:1")
    assert ran.code == 36
    assert "unix:///no/1: dial unix /no/1: connect: no such file or directory" in ran.err
    assert "tcp://127.0.0.1:1: dial tcp 127.0.0.1:1: connect: connection refused" in ran.err


# --- one solve, whose engine dies at a chosen moment ----------------------------------------------

SLOW = "RUN echo begun; head -c 20000000 /dev/urandom > /noise; sleep 1; echo over"


@dataclass
class At(RecordingProgress):
    """Does something at a chosen moment of a solve, once."""

    moment: int = 0
    do: Callable[[], None] = lambda: None
    told: int = 0

    def step(self, name: str) -> None:
        self._tell(name)

    def output(self, text: str) -> None:
        self._tell(text)

    def _tell(self, _what: str) -> None:
        self.told += 1
        if self.told == self.moment:
            self.do()


def solver_on(addresses: list[str], certificates: Path) -> FailoverSolver:
    machine = Machine(os.environ, Silent())
    settings = EngineSettings(tuple(addresses), str(certificates / "client"))
    locator = EngineLocator(settings, machine.daemon, os.environ, machine.note)
    return FailoverSolver(
        EnginePool(locator, 1, machine.warn), BuildctlSolver("", {}, quiet_s=0.5, answer_s=3.0)
    )


def solve(
    solver: FailoverSolver, platform: Checkout, folder: Path, progress: At, run: str = SLOW
) -> str:
    machine = Machine(platform.environ(), Silent())
    listed = json.loads(platform.bs("bases", "list", "--json").out)["bases"]
    base = {one["name"]: one["reference"] for one in listed}["alpine"]
    name = f"made-up-{os.urandom(8).hex()}"
    text = f"FROM base AS image\n# {name}\n{run} {name}\n"
    folder.mkdir()
    request = SolveRequest(
        name,
        text,
        "image",
        machine.platform,
        {"base": base},
        machine.store.layout,
        str(folder),
        affinity="x",
    )
    digest = solver.solve(request, progress)
    assert (folder / "blobs/sha256" / digest.removeprefix("sha256:")).is_file()
    return digest


@pytest.mark.parametrize("moment", [1, 2, 3, 4])
def test_an_engine_may_die_at_any_moment(
    platform: Checkout, engines: list[RealEngine], certificates: Path, tmp_path: Path, moment: int
) -> None:
    by_address = {engine.address: engine for engine in engines}
    best, *others = (by_address[address] for address in ranked("x", by_address))
    progress = At(moment=moment, do=best.kill)
    try:
        solve(solver_on(list(by_address), certificates), platform, tmp_path / "out", progress)
    finally:
        best.kill()
        best.start()
    assert progress.told >= moment
    assert progress.engines == [best.address, others[0].address]


def test_an_engine_that_falls_silent_is_left(
    platform: Checkout, engines: list[RealEngine], certificates: Path, tmp_path: Path
) -> None:
    by_address = {engine.address: engine for engine in engines}
    best, *others = (by_address[address] for address in ranked("x", by_address))
    progress = At(moment=2, do=best.pause)
    try:
        solve(solver_on(list(by_address), certificates), platform, tmp_path / "out", progress)
    finally:
        best.go_on()
    assert progress.engines == [best.address, others[0].address]


def test_a_failed_step_on_a_dying_engine_stays_a_failed_step(
    platform: Checkout, engines: list[RealEngine], certificates: Path, tmp_path: Path
) -> None:
    solver = solver_on([engine.address for engine in engines], certificates)
    said = "RUN echo 'error: failed to solve: Unavailable: error reading from server: EOF' >&2; exit 7;"
    progress = At()
    with pytest.raises(BuildFailed, match="exit code: 7"):
        solve(solver, platform, tmp_path / "out", progress, said)
    assert len(progress.engines) == 1


def test_an_engine_may_be_a_pod(
    platform: Checkout, engines: list[RealEngine], certificates: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """buildctl reaches it by `kubectl exec`; this one finds the pod's socket without a cluster."""
    buildctl = Machine(os.environ, Silent()).daemon.toolbox.provide("buildctl")
    kubectl = tmp_path / "bin/kubectl"
    kubectl.parent.mkdir()
    kubectl.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n'
        f"exec {buildctl} --addr unix://{engines[0].folder}/s dial-stdio\n"
    )
    kubectl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{kubectl.parent}:{os.environ['PATH']}")
    other = engines[2].address
    pods = (f"kube-pod://buildkitd-{number}?namespace=ci" for number in range(100))
    pod = next(pod for pod in pods if ranked("x", [pod, other])[0] == pod)
    progress = At(moment=2, do=engines[0].kill)
    solver = solver_on([pod, other], certificates)
    try:
        solve(solver, platform, tmp_path / "out", progress)
    finally:
        engines[0].kill()
        engines[0].start()
    asked = (tmp_path / "asked").read_text()
    assert "--namespace=ci exec --container= -i buildkitd-" in asked
    assert progress.engines == [pod, other]
