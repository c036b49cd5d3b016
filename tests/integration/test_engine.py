"""Finding BuildKit and bases: named, in Docker, private; from a registry or by bootstrap."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from buildsys.engine.keeper import idle
from buildsys.engine.provision import BUILDKIT, Toolbox
from buildsys.images.layout import write_layout
from buildsys.machine import Machine, cache_folder
from buildsys.rebuild import empty_machine
from buildsys.rules import bases
from buildsys.wiring import Session
from tests.integration.conftest import docker, free_port, listens, wait_for
from tests.integration.real import Checkout, process
from tests.integration.test_eject import Silent

SERVICE = "targets: [{name: svc, rule: python_image, module: svc}]\n"


@pytest.fixture
def tiny(tmp_path: Path) -> Checkout:
    root = tmp_path / "checkout"
    (root / "svc").mkdir(parents=True)
    (root / "BUILD.yaml").write_text("workspace: tiny\n")
    (root / "svc/BUILD.yaml").write_text(SERVICE)
    (root / "svc/svc.py").write_text(f"print({os.urandom(8).hex()!r})\n")
    return Checkout(root)


def test_the_private_engine_starts_stops_and_says_so(private: Checkout) -> None:
    assert private.bs("engine", "status").out.strip() == "not running"
    assert "private BuildKit at unix://" in private.bs("engine", "start").out
    assert private.bs("engine", "status").out.startswith("running at unix://")
    assert private.bs("engine", "stop").out.strip() == "stopped"
    assert private.bs("engine", "status").out.strip() == "not running"


def test_an_engine_that_is_stopped_in_mid_solve_can_be_started_at_once(
    private: Checkout, tmp_path: Path
) -> None:
    events = tmp_path / "events"
    build = private.start("build", "//cmd/fanout", "--force", "--events", str(events))
    wait_for(lambda: events.exists() and "RUN" in events.read_text())
    assert private.bs("engine", "stop").out.strip() == "stopped"
    started = private.bs("engine", "start")
    assert started.code == 0, started.err
    build.communicate(timeout=60)
    assert build.returncode != 0


def test_an_idle_engine_is_stopped_by_its_keeper(private: Checkout, tmp_path: Path) -> None:
    folder = tmp_path / "keeper"
    folder.mkdir()
    (folder / "in-use").touch()
    os.utime(folder / "in-use", (0, 0))
    done = subprocess.run(
        [sys.executable, "-m", "buildsys.engine.keeper", str(folder), "1", "sleep", "1000"],
        timeout=60,
        check=False,
    )
    assert done.returncode != 0, "its child was terminated"
    assert private.root.is_dir()


def test_an_empty_machine_is_not_idle_while_it_is_used(platform: Checkout) -> None:
    session = Session(Machine(platform.environ(), Silent()), str(platform.root))
    with empty_machine(session) as machine:
        os.utime(os.path.join(machine.daemon.folder, "in-use"), (0, 0))
        assert machine.daemon.running()
        assert not idle(machine.daemon.folder, 1.0)


def test_a_named_buildkit_is_used(tiny: Checkout) -> None:
    engine = Machine(tiny.environ(), Silent()).locator().engine()
    ran = tiny.bs("build", "all", "--json", BUILDKIT_HOST=engine.address)
    assert ran.code == 0, ran.err
    assert ran.json["engine"]["solves"] >= 1


def test_a_buildkit_that_runs_in_docker_is_found(
    tiny: Checkout, docker_host: str, tmp_path: Path
) -> None:
    """The image under moby/buildkit's name is made of our own buildkitd: no registry has it here."""
    make_buildkit_image(docker_host, tmp_path)
    started = docker(
        docker_host, "run", "-d", "--network=host", "--name=bs-buildkit",
        f"moby/buildkit:{BUILDKIT}", "--oci-worker-snapshotter=native",
    )  # fmt: skip
    assert started.returncode == 0, started.stderr
    try:
        ran = tiny.bs("engine", "start", DOCKER_HOST=docker_host)
        assert ran.code == 0, ran.err
        assert "docker BuildKit at docker-container://bs-buildkit" in ran.out
    finally:
        assert tiny.bs("engine", "stop", DOCKER_HOST=docker_host).out.strip() == "stopped"


def test_a_docker_that_is_no_help_is_passed_over(tiny: Checkout, docker_host: str) -> None:
    """Without the image and a registry to pull it from, a private engine builds."""
    docker(docker_host, "rmi", "-f", f"moby/buildkit:{BUILDKIT}")
    ran = tiny.bs("build", "all", "--json", DOCKER_HOST=docker_host)
    assert ran.code == 0, ran.err
    assert "Docker is no help" in ran.err
    assert ran.json["engine"]["solves"] >= 1


def make_buildkit_image(docker_host: str, folder: Path) -> None:
    machine = Machine(os.environ, Silent())
    root = folder / "root"
    (root / "usr/bin").mkdir(parents=True)
    (root / "etc/buildkit").mkdir(parents=True)
    for name in ("buildkitd", "buildctl"):
        shutil.copy(machine.daemon.toolbox.provide(name), root / "usr/bin" / name)
    runtime = machine.daemon.toolbox.runtime()
    assert runtime is not None
    listed = subprocess.run(["ldd", runtime], capture_output=True, text=True, check=True).stdout
    libraries = [word for word in listed.split() if word.startswith("/")]
    for path in (runtime, *libraries):
        target = root / ("usr/bin/runc" if path == runtime else path.lstrip("/"))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    (root / "tmp").mkdir()
    with tarfile.open(folder / "root.tar", "w") as tar:
        tar.add(root, ".")
    imported = docker(
        docker_host, "import", "--change", 'ENTRYPOINT ["/usr/bin/buildkitd"]',
        "--change", "ENV PATH=/usr/bin",
        str(folder / "root.tar"), f"moby/buildkit:{BUILDKIT}",
    )  # fmt: skip
    assert imported.returncode == 0, imported.stderr


def test_bases_of_a_registry_are_pinned_and_used(tiny: Checkout, tmp_path: Path) -> None:
    port = free_port()
    config = tmp_path / "registry.yml"
    config.write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {tmp_path}/registry}}}}\n"
        f"http: {{addr: '127.0.0.1:{port}'}}\n"
    )
    with process(["docker-registry", "serve", str(config)], stderr=subprocess.DEVNULL):
        wait_for(lambda: listens(port))
        for name in (bases.PYTHON, bases.PYTHON_BUILD):
            push_base(tiny, name, f"localhost:{port}/{name}:1", tmp_path / name)
        (tiny.root / "BUILD.yaml").write_text(
            "workspace: tiny\nbases:\n"
            f"  python: {{image: 'localhost:{port}/python:1', bootstrap: null}}\n"
            f"  python-build: {{image: 'localhost:{port}/python-build:1', bootstrap: null}}\n"
        )
        before = tiny.bs("status", "--json").json["targets"][0]
        assert before["state"] == "missing"
        assert {r["code"] for r in before["layers"][0]["reasons"]} == {"base_missing"}
        report = tiny.build("all")
        assert report["engine"]["solves"] >= 1
        lock = (tiny.root / "bases.lock").read_text()
        assert f"python localhost:{port}/python:1@sha256:" in lock
        listed = json.loads(tiny.bs("bases", "list", "--json").out)["bases"]
        assert {b["name"]: b["origin"] for b in listed}["python"] == "registry"
        assert tiny.bs("bases", "update", "python").code == 0
        assert (tiny.root / "bases.lock").read_text() == lock
    # The registry is gone, the pins and the layers are not.
    assert tiny.build("all")["engine"]["solves"] == 0


def push_base(checkout: Checkout, name: str, reference: str, layout: Path) -> None:
    machine = Machine(checkout.environ(), Silent())
    listed = json.loads(checkout.bs("bases", "list", "--json").out)["bases"]
    digest = {base["name"]: base["reference"] for base in listed}[name]
    record = next(r for r in machine.store.records() if r.result.digest == digest)
    write_layout(machine.store.blobs, record.result, "latest", str(layout))
    pushed = subprocess.run(
        [
            "skopeo",
            "copy",
            "--dest-tls-verify=false",
            f"oci:{layout}:latest",
            f"docker://{reference}",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert pushed.returncode == 0, pushed.stderr


def test_a_base_that_nobody_has_is_exit_36(tiny: Checkout) -> None:
    (tiny.root / "BUILD.yaml").write_text(
        "workspace: tiny\nbases: {python: {image: 'localhost:1/python:1', bootstrap: null}}\n"
    )
    ran = tiny.bs("build", "all")
    assert ran.code == 36
    assert "base `python`" in ran.err
    assert "bootstrap" in ran.err


def test_a_bootstrapped_base_has_the_same_bytes_each_time(private: Checkout) -> None:
    before = json.loads(private.bs("bases", "list", "--json").out)["bases"]
    digest = {base["name"]: base["reference"] for base in before}["python"]
    ran = private.bs("bases", "bootstrap", "python", "--force")
    assert ran.code == 0, ran.err
    assert ran.out.strip() == f"python {digest}"


def test_doctor_is_content_here_and_names_what_is_missing(tiny: Checkout, tmp_path: Path) -> None:
    well = tiny.bs("doctor")
    assert well.code == 0, well.out
    ill = tiny.bs("doctor", PATH=str(tmp_path), BS_CACHE_DIR=str(tmp_path / "cache"))
    assert ill.code == 36
    assert "apt-get install -y --no-install-recommends runc" in ill.out


def test_go_comes_from_pypi_where_the_machine_has_none(tmp_path: Path) -> None:
    toolbox = Toolbox(str(tmp_path / "bin"), "/usr/bin:/bin", lambda _message: None)
    (tmp_path / "bin").mkdir()
    go = toolbox.go()
    said = subprocess.run([go, "version"], capture_output=True, text=True, check=True).stdout
    assert said.startswith("go version go1.")


def test_clean_frees_what_no_record_needs(private: Checkout) -> None:
    store = Path(private.environ()["BS_CACHE_DIR"]) / "store"
    (store / "blobs/sha256" / ("0" * 64)).write_bytes(b"left over")
    assert private.bs("clean").code == 0
    assert not (store / "blobs/sha256" / ("0" * 64)).exists()
    assert private.stale("all") == set()


def test_the_shared_store_is_where_the_environment_says(tmp_path: Path) -> None:
    assert cache_folder({"BS_CACHE_DIR": str(tmp_path)}) == str(tmp_path)
    assert cache_folder({"XDG_CACHE_HOME": "/x"}) == "/x/bs"
