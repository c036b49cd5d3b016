"""What an edit costs, on the real seven services: exactly the layers that it can reach."""

import json
import os
import shutil
import tarfile
from pathlib import Path

import pytest

from buildsys.machine import cache_folder
from buildsys.store.layers import opened
from tests.integration.conftest import wait_for
from tests.integration.real import Checkout, copy_platform

GO = {"orchestrator", "workflow-runner", "http-worker", "hitl-worker", "fanout"}
ALL = GO | {"agent-runner-py", "aob-cli"}
COMMENT = "// a line more\n"


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def test_a_second_build_solves_nothing_and_starts_no_engine(private: Checkout) -> None:
    report = private.bs("build", "all", "--json", DOCKER_HOST="unix:///nonexistent")
    assert report.code == 0
    assert report.json["engine"]["solves"] == 0
    assert {layer["outcome"] for t in report.json["targets"] for layer in t["layers"]} == {"fresh"}
    assert private.bs("engine", "status").out.strip() == "not running"
    status = private.bs("status", "--json", "--exit-code")
    assert status.code == 0
    assert status.json["summary"] == {"targets": 7, "fresh": 7, "stale": 0}


@pytest.mark.parametrize("arguments", [("build", "all"), ("status", "--json")])
def test_a_no_op_is_answered_from_memory_until_an_image_is_gone(
    private: Checkout, arguments: tuple[str, ...]
) -> None:
    first = private.bs(*arguments)
    assert first.code == 0, first.err

    def asked() -> tuple[str, set[str]]:
        ran = private.bs(*arguments, PYTHONPROFILEIMPORTTIME="1")
        assert ran.code == 0, ran.err
        return ran.out, {line.rpartition("|")[2].strip() for line in ran.err.splitlines()}

    # Copied just now, the files have to be two seconds old before their stat is trusted.
    wait_for(lambda: "buildsys.cli.run" not in asked()[1])
    said, imported = asked()
    assert without_time(said) == without_time(first.out)
    slow = {"typer", "rich", "networkx", "yaml", "docker", "json", "re", "dataclasses"}
    assert not imported & slow
    image = next(
        layer["digest"]
        for target in private.bs("status", "--json").json["targets"]
        for layer in target["layers"]
        if target["label"] == "//cmd/fanout" and layer["name"] == "image"
    )
    blobs = Path(private.environ()["BS_CACHE_DIR"]) / "store" / "blobs"
    (blobs / image.replace(":", "/")).unlink()
    assert private.stale("all") == {("fanout", "image")}


def test_an_edit_is_followed_from_memory_until_it_is_built(checkout: Checkout) -> None:
    checkout.bs("build", "all")

    def asked() -> tuple[str, set[str]]:
        ran = checkout.bs("status", PYTHONPROFILEIMPORTTIME="1")
        assert ran.code == 0, ran.err
        return ran.out, {line.rpartition("|")[2].strip() for line in ran.err.splitlines()}

    wait_for(lambda: "buildsys.cli.run" not in asked()[1])
    append(checkout.root / "cmd/fanout/main.go", f"// {os.urandom(8).hex()}\n")
    said, imported = asked()
    assert "buildsys.edits.applying" in imported
    assert "buildsys.cli.run" not in imported
    assert [line.split()[0] for line in said.splitlines() if " stale " in line] == ["//cmd/fanout"]
    assert checkout.stale("all") == {("fanout", "image")}
    assert checkout.bs("build", "all", "--json").json["engine"]["solves"] == 1
    assert "7 fresh, 0 not" in asked()[0]


def without_time(said: str) -> str:
    return said.rpartition("solves, ")[0] or said


def test_another_import_compiles_what_is_new_and_keeps_nothing_that_is_unused(
    private: Checkout,
) -> None:
    forget_packages(private)
    one, two = "github.com/go-chi/chi/v5/middleware", "golang.org/x/sync/singleflight"
    main = "cmd/fanout/main.go"
    private.edit(main, "import (", f'import (\n\t_ "{one}"')
    compiled, _ = packages_of_fanout(private)
    assert {one, "net/http", "runtime"} <= compiled, "nothing is there in an empty BuildKit"
    private.edit(main, "import (", f'import (\n\t_ "{two}"')
    compiled, with_both = packages_of_fanout(private)
    assert compiled == {two}
    private.edit(main, f'\t_ "{one}"\n', "")
    compiled, with_two = packages_of_fanout(private)
    assert compiled == set()
    assert with_two < with_both, "what only the other import needed is gone"


def test_another_import_keeps_no_code_waiting(checkout: Checkout) -> None:
    assert checkout.bs("build", "//cmd/fanout").code == 0
    imported = f'import (\n\t_ "golang.org/x/sync/singleflight" // {os.urandom(8).hex()}'
    checkout.edit("cmd/fanout/main.go", "import (", imported)
    forget(checkout, "packages")
    events = checkout.root / ".bs" / "events"
    assert checkout.bs("build", "//cmd/fanout", "--events", str(events)).code == 0
    told = [json.loads(line) for line in events.read_text().splitlines()]
    order = [(one["event"], one["layer"]) for one in told if "layer" in one]
    assert order.index(("ActionStarted", "image")) < order.index(("ActionFinished", "packages"))
    before = checkout.bs("image", "fanout", "--json").json["digest"]
    forget(checkout, "image")
    assert checkout.built("//cmd/fanout") == {("fanout", "image")}
    after = checkout.bs("image", "fanout", "--json").json["digest"]
    assert after == before, "built on the packages that hold all ready"


def forget(checkout: Checkout, layer: str) -> None:
    """Forget a layer of fanout as it is now; nothing else needs it."""
    (fanout,) = checkout.bs("status", "//cmd/fanout", "--json").json["targets"]
    (key,) = (one["key"] for one in fanout["layers"] if one["name"] == layer)
    store = Path(cache_folder(checkout.environ())) / "store"
    (store / "records" / key[:2] / key).unlink(missing_ok=True)


def forget_packages(private: Checkout) -> None:
    records = Path(private.environ()["BS_CACHE_DIR"]) / "store" / "records"
    for record in records.glob("*/*"):
        if '"layer":"packages"' in record.read_text().replace(" ", ""):
            record.unlink()


def packages_of_fanout(private: Checkout) -> tuple[set[str], set[str]]:
    """What making `packages` compiled, and the files of the layer then."""
    logs = private.root / ".bs" / "logs"
    shutil.rmtree(logs, ignore_errors=True)
    append(private.root / "cmd/fanout/main.go", f"// {os.urandom(8).hex()}\n")
    assert private.built("//cmd/fanout") == {("fanout", "packages"), ("fanout", "image")}
    compiled = {line for log in logs.glob("packages-*") for line in log.read_text().splitlines()}
    (fanout,) = private.bs("status", "//cmd/fanout", "--json").json["targets"]
    (image,) = (layer["digest"] for layer in fanout["layers"] if layer["name"] == "packages")
    blobs = Path(private.environ()["BS_CACHE_DIR"]) / "store" / "blobs"
    manifest = json.loads((blobs / image.replace(":", "/")).read_text())
    layer = blobs / manifest["layers"][-1]["digest"].replace(":", "/")
    with opened(str(layer)) as plain, tarfile.open(fileobj=plain, mode="r|") as tar:
        return compiled, {member.name for member in tar}


def test_one_line_of_a_service_is_one_solve_of_its_code_stage(checkout: Checkout) -> None:
    append(checkout.root / "cmd/orchestrator/main.go", f"// {os.urandom(8).hex()}\n")
    assert checkout.stale("all") == {("orchestrator", "image")}
    assert checkout.built("all") == {("orchestrator", "image")}
    assert checkout.stale("all") == set()


def test_an_empty_buildkit_builds_code_on_stored_layers(private: Checkout) -> None:
    """The engine of a private cache has never built anything: the same as one pruned to nothing."""
    append(private.root / "cmd/orchestrator/main.go", f"// {os.urandom(8).hex()}\n")
    assert private.built("all") == {("orchestrator", "image")}


def test_a_common_package_reaches_exactly_its_importers(checkout: Checkout) -> None:
    append(checkout.root / "common/store/store.go", COMMENT)
    importers = {
        service
        for service in GO
        if any(
            "aob.dev/platform/common/store" in file.read_text()
            for file in (checkout.root / "cmd" / service).rglob("*.go")
        )
    }
    assert importers
    assert importers < GO
    assert checkout.stale("all") == {(service, "image") for service in importers}


def test_requirements_reach_only_python(checkout: Checkout) -> None:
    another = f"--hash=sha256:{os.urandom(32).hex()} --hash"
    checkout.edit("cmd/agent-runner-py/requirements.txt", "--hash", another)
    layers = {("agent-runner-py", "requirements"), ("agent-runner-py", "image")}
    assert checkout.stale("all") == layers
    assert checkout.built("all") == layers


def test_cargo_lock_reaches_only_rust_and_a_rust_edit_cooks_nothing(checkout: Checkout) -> None:
    lock = checkout.root / "cmd/aob-cli/Cargo.lock"
    before = lock.read_text()
    checkout.edit("cmd/aob-cli/Cargo.lock", 'checksum = "', 'checksum = "00')
    assert checkout.stale("all") == {("aob-cli", "cook"), ("aob-cli", "image")}
    lock.write_text(before)
    append(checkout.root / "cmd/aob-cli/src/main.rs", f"// {os.urandom(8).hex()}\n")
    assert checkout.built("all") == {("aob-cli", "image")}


SYNC = "golang.org/x/sync v0.19.0"
OLDER_SYNC = """\
golang.org/x/sync v0.18.0 h1:kr88TuHDroi+UVf+0hZnirlk8o8T+4MrK6mr60WkH/I=
golang.org/x/sync v0.18.0/go.mod h1:9KTHXmSnoGruLpwFjVSX0lNNA75CykiMECbovNTZqGI=
"""
WITH_SYNC = {"fanout", "workflow-runner"}


def test_comments_order_and_unused_lines_of_go_manifests_reach_nothing(checkout: Checkout) -> None:
    append(checkout.root / "go.mod", COMMENT)
    sums = checkout.root / "go.sum"
    sums.write_text("\n".join(reversed(sums.read_text().splitlines())) + "\n")
    assert checkout.stale("all") == set()
    append(sums, OLDER_SYNC)
    unused = {(service, layer) for service in GO for layer in ("modules", "packages")}
    assert checkout.stale("all") == unused
    status = checkout.bs("status", "--json", "--exit-code")
    assert status.code == 0
    assert status.json["summary"] == {"targets": 7, "fresh": 7, "stale": 0}
    assert checkout.built("all") == set(), "a layer that nothing is built on isn't made"


def test_another_version_of_a_module_reaches_only_the_services_that_use_it(
    private: Checkout,
) -> None:
    assert private.built("all") == set()
    shutil.rmtree(Path(private.environ()["BS_CACHE_DIR"]) / "store" / "facts", ignore_errors=True)
    assert private.stale("all") == set(), "what modules have is read again from the stored layer"
    private.edit("go.mod", SYNC, "golang.org/x/sync v0.18.0")
    append(private.root / "go.sum", OLDER_SYNC)
    status = private.bs("status", "--json").json
    states = {t["label"].removeprefix("//cmd/"): t["state"] for t in status["targets"]}
    assert states == dict.fromkeys(ALL - WITH_SYNC, "fresh") | dict.fromkeys(WITH_SYNC, "stale")
    for target in status["targets"]:
        if target["label"].removeprefix("//cmd/") in WITH_SYNC:
            image = target["layers"][-1]
            assert image["key"] is None
            assert image["reasons"] == [{"code": "inputs_unknown", "subject": "golang.org/x/sync"}]
    shared = {(service, layer) for service in GO for layer in ("modules", "packages")}
    assert private.built("all") == shared | {(service, "image") for service in WITH_SYNC}
    assert private.bs("status", "--exit-code").code == 0
    versions = private.image_files("//cmd/fanout")["usr/local/bin/fanout"][2]
    assert b"golang.org/x/sync\tv0.18.0" in versions


def test_another_package_of_a_known_module_is_keyed_before_anything_runs(
    checkout: Checkout,
) -> None:
    assert checkout.built("//cmd/http-worker") == set()
    unique = f"// {os.urandom(8).hex()}\n"
    imported = 'import (\n\t_ "golang.org/x/sync/singleflight"'
    checkout.edit("cmd/http-worker/main.go", "import (", unique + imported)
    assert checkout.stale("//cmd/http-worker") >= {("http-worker", "image")}
    (worker,) = checkout.bs("status", "//cmd/http-worker", "--json").json["targets"]
    image = worker["layers"][-1]
    assert {reason["path"] for reason in image["reasons"]} == {
        "cmd/http-worker/main.go", "go.mod", "go.sum",
    }  # fmt: skip
    (built,) = checkout.build("//cmd/http-worker")["targets"]
    assert built["layers"][-1]["key"] == image["key"]


@pytest.mark.parametrize("kind", ["readme", "test file", "touched", "umask", "removed state"])
def test_what_no_image_contains_changes_nothing(checkout: Checkout, kind: str) -> None:
    root = checkout.root
    if kind == "readme":
        (root / "README.md").write_text("# A comment\n")
        (root / "cmd/aob-cli/README.md").write_text("# A comment\n")
    elif kind == "test file":
        (root / "common/store/more_test.go").write_text("package store\n")
        (root / "cmd/agent-runner-py/tests/test_more.py").write_text("x = 1\n")
    elif kind == "touched":
        for file in root.rglob("*"):
            os.utime(file)
    elif kind == "umask":
        for file in root.rglob("*"):
            file.chmod(file.stat().st_mode & 0o700 | (0o060 if file.is_file() else 0o077))
    else:
        checkout.bs("status")
        shutil.rmtree(root / ".bs")
    assert checkout.stale("all") == set()
    assert checkout.build("all")["engine"]["solves"] == 0


def test_another_path_and_another_home_change_nothing(platform: Checkout, tmp_path: Path) -> None:
    elsewhere = Checkout(copy_platform(tmp_path / "deep" / "er" / "checkout"), {"HOME": "/nowhere"})
    keys = [
        [
            layer["key"]
            for target in one.bs("status", "--json").json["targets"]
            for layer in target["layers"]
        ]
        for one in (platform, Checkout(elsewhere.root, {}))
    ]
    assert keys[0] == keys[1]


def test_an_edit_taken_back_is_fresh_at_once(checkout: Checkout) -> None:
    main = checkout.root / "cmd/fanout/main.go"
    before = main.read_text()
    append(main, COMMENT)
    assert checkout.stale("all") == {("fanout", "image")}
    main.write_text(before)
    assert checkout.stale("all") == set()


def test_an_edit_of_equal_size_and_time_is_built_50_of_50_times(tmp_path: Path) -> None:
    root = tmp_path / "checkout"
    service = root / "svc"
    service.mkdir(parents=True)
    (root / "BUILD.yaml").write_text("workspace: tiny\n")
    (service / "BUILD.yaml").write_text("targets: [{name: svc, rule: python_image, module: svc}]\n")
    source = service / "svc.py"
    tiny = Checkout(root)
    for number in range(50):
        text = f"VALUE = {number + 100}\n"
        source.write_text(text)
        os.utime(source, (1_700_000_000, 1_700_000_000))
        report = tiny.build("all")
        assert report["targets"][0]["image"] is not None
        assert tiny.image_files("//svc")["src/svc/svc.py"][2] == text.encode()
