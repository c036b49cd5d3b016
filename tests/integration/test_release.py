"""Releasing the seven services: into a real registry, read by standard tools, and counted at the wire."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from buildsys.images.stored import StoredImage
from buildsys.model.label import Label
from buildsys.registry.client import open_client
from buildsys.registry.repository import Repository
from buildsys.release.compression import packed
from buildsys.release.index import index_of
from buildsys.release.order import Compression
from buildsys.release.push import Push
from buildsys.release.pushed import PushedImages
from buildsys.release.shipment import Shipment
from buildsys.store.disk_store import DiskStore
from tests.integration.conftest import free_port, listens, wait_for
from tests.integration.real import Checkout, config_of_layout, files_of_layout, process
from tests.registry_server import Answer, RegistryServer, serving
from tests.unit.store.support import seal

SERVICES = 7
REFERRERS = "sha256-"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """Debian's docker-registry, which knows no referrers: its address."""
    port = free_port()
    config = tmp_path / "registry.yml"
    config.write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {tmp_path}/registry}}}}\n"
        f"http: {{addr: '127.0.0.1:{port}'}}\n"
    )
    command, quiet = ["docker-registry", "serve", str(config)], subprocess.DEVNULL
    with process(command, stdout=quiet, stderr=quiet):
        wait_for(lambda: listens(port))
        yield f"localhost:{port}"


def skopeo(*arguments: str) -> str:
    done = subprocess.run(["skopeo", *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def copied(reference: str, folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """The files of an image as skopeo pulls it, which checks every digest."""
    skopeo("copy", "-q", "--src-tls-verify=false", f"docker://{reference}", f"oci:{folder}:image")
    return files_of_layout(folder)


def attached(registry: str, repository: str, digest: str) -> dict[str, Any]:
    """Media type → document attached to an image, by the list that the fallback tag names."""
    place = f"docker://{registry}/{repository}"
    tag = digest.replace(":", "-")
    raw = ("inspect", "--tls-verify=false", "--raw")
    found = {}
    for one in json.loads(skopeo(*raw, f"{place}:{tag}"))["manifests"]:
        manifest = json.loads(skopeo(*raw, f"{place}@{one['digest']}"))
        assert manifest["subject"]["digest"] == digest
        (layer,) = manifest["layers"]
        url = f"http://{registry}/v2/{repository}/blobs/{layer['digest']}"
        done = subprocess.run(["curl", "-sf", url], capture_output=True, check=True)
        found[one["artifactType"]] = json.loads(done.stdout)
    return found


def test_pushed_images_are_pulled_by_another_tool_and_are_what_was_built(
    checkout: Checkout, registry: str, tmp_path: Path
) -> None:
    pushed = checkout.bs(
        "push", "--to", f"{registry}/shop", "--tag", "v1", "--tag", "{key}", "--json"
    )
    assert pushed.code == 0, pushed.err
    targets = {target["label"]: target for target in pushed.json["targets"]}
    assert len(targets) == SERVICES
    label = "//cmd/orchestrator"
    repository = f"{registry}/shop/orchestrator"
    built = json.loads(checkout.bs("image", label, "--json").out)
    assert targets[label]["reference"] == f"{repository}@{built['digest']}"
    assert targets[label]["outcome"] == "pushed"
    files = copied(f"{repository}:v1", tmp_path / "pulled")
    assert files == checkout.image_files(label)

    documents = attached(registry, "shop/orchestrator", built["digest"])
    assert documents["application/spdx+json"] == json.loads(checkout.bs("sbom", label).out)
    how = documents["application/vnd.in-toto+json"]
    assert how["subject"][0]["digest"]["sha256"] == built["digest"].removeprefix("sha256:")

    again = checkout.bs("push", "--to", f"{registry}/shop", "--tag", "v2", "--json")
    assert {target["outcome"] for target in again.json["targets"]} == {"present"}


def test_gzip_is_the_same_image_for_clients_that_read_no_zstd(
    checkout: Checkout, registry: str, tmp_path: Path
) -> None:
    label, to = "//cmd/http-worker", f"{registry}/shop"
    options = ("push", label, "--to", to, "--compression", "gzip", "--json")
    first = checkout.bs(*options, "--tag", "v1")
    assert first.code == 0, first.err
    manifest = json.loads(
        skopeo("inspect", "--tls-verify=false", "--raw", f"docker://{to}/http-worker:v1")
    )
    assert {layer["mediaType"].rpartition("+")[2] for layer in manifest["layers"]} == {"gzip"}
    assert copied(f"{to}/http-worker:v1", tmp_path / "pulled") == checkout.image_files(label)
    again = checkout.bs(*options, "--tag", "v2")
    assert again.json["targets"][0]["digest"] == first.json["targets"][0]["digest"]
    assert again.json["targets"][0]["outcome"] == "present"


def test_a_further_tag_costs_one_request_an_image(checkout: Checkout) -> None:
    """No build, no pull: on a machine that pushed them, and one more question on another."""
    with serving(RegistryServer()) as server:
        to = f"{server.host}/shop"
        assert checkout.bs("push", "--to", to, "--tag", "v1").code == 0
        server.asked.clear()
        assert checkout.bs("push", "--to", to, "--tag", "v2").code == 0
        assert [asked.method for asked in server.asked] == ["PUT"] * SERVICES
        assert {asked.path.rpartition("/")[2] for asked in server.asked} == {"v2"}


def test_tags_are_shown_and_one_for_two_images_is_refused(checkout: Checkout) -> None:
    shown = checkout.bs(
        "tags", "fanout", "--to", "r.example.com/shop", "--tag", "v1-{key}", "--tag", "x"
    )
    key = checkout.bs("status", "fanout", "--json").json["targets"][0]["layers"][-1]["key"]
    assert shown.out.splitlines() == [
        f"//cmd/fanout r.example.com/shop/fanout:v1-{key}", "//cmd/fanout r.example.com/shop/fanout:x",
    ]  # fmt: skip
    checkout.edit("cmd/fanout/BUILD.yaml", "    rule:", "    repository: http-worker\n    rule:")
    with serving(RegistryServer()) as server:
        ran = checkout.bs("push", "--to", f"{server.host}/shop", "--tag", "v1")
        assert (ran.code, server.asked) == (2, [])
    assert "shop/http-worker:v1 would be both //cmd/fanout and //cmd/http-worker" in ran.err


def test_an_empty_machine_tags_what_others_pushed_and_fetches_no_layer(tmp_path: Path) -> None:
    """It knows the image from the shared cache: no layer is moved, and no engine is there."""
    with serving(RegistryServer()) as server:
        cache = {"BS_CACHE_REGISTRY": f"{server.host}/cache", "BS_CACHE": "remote:rw"}
        first, empty = (
            Checkout(tmp_path / name / "tiny", cache | more)
            for name, more in (("1", {}), ("2", {"BS_CACHE_DIR": str(tmp_path / "empty")}))
        )
        for one in (first, empty):
            (one.root / "svc").mkdir(parents=True)
            (one.root / "BUILD.yaml").write_text("workspace: tiny\n")
            (one.root / "svc/BUILD.yaml").write_text("targets: [{name: svc, rule: docker_image}]\n")
            (one.root / "svc/Dockerfile").write_text("FROM scratch\nCOPY data /data\n")
            (one.root / "svc/data").write_text(str(tmp_path))
        to = ("push", "--to", f"{server.host}/shop", "--json", "--tag")
        pushed = first.bs(*to, "v1")
        assert pushed.code == 0, pushed.err
        server.asked.clear()
        again = empty.bs(*to, "v2")
        assert again.code == 0, again.err
        (target,) = again.json["targets"]
        assert (target["digest"], target["outcome"]) == (
            pushed.json["targets"][0]["digest"], "present",
        )  # fmt: skip
        shop = [(a.method, a.path) for a in server.asked if a.path.startswith("/v2/shop/")]
        assert shop == [
            ("HEAD", f"/v2/shop/svc/manifests/{target['digest']}"),
            ("PUT", "/v2/shop/svc/manifests/v2"),
        ]
        rest = [asked for asked in server.asked if not asked.path.startswith("/v2/shop/")]
        assert rest
        assert not any("/blobs/" in asked.path or asked.writes for asked in rest)
        assert not (tmp_path / "empty/engine/pids").exists()

        # Into another registry's repository it has to be fetched first.
        moved = empty.bs("push", "--to", f"{server.host}/other", "--tag", "v1", "--json")
        assert moved.code == 0, moved.err
        assert moved.json["targets"][0]["outcome"] == "pushed"
        store = server.store("other/svc")
        assert target["digest"] in store.manifests


def test_a_push_that_fails_tags_nothing(checkout: Checkout) -> None:
    def full(asked: Any) -> Answer | None:
        refused = "shop/fanout/blobs/uploads" in asked.path and asked.method == "PUT"
        return Answer(507, b"{}") if refused else None

    with serving(RegistryServer(full)) as server:
        ran = checkout.bs("push", "--to", f"{server.host}/shop", "--tag", "v1")
        assert ran.code == 36
        assert "no tag has moved" in ran.err
        assert ran.out == ""
        tags = {tag for store in server.stores.values() for tag in store.manifests}
        assert all(tag.startswith("sha256") for tag in tags)


def test_a_stale_image_is_built_before_and_one_that_fails_keeps_all_from_being_pushed(
    checkout: Checkout,
) -> None:
    with serving(RegistryServer()) as server:
        to = ("--to", f"{server.host}/shop", "--tag", "v1", "--json")
        checkout.edit(
            "cmd/fanout/main.go", "package main", f"package main // {os.urandom(4).hex()}"
        )
        ran = checkout.bs("push", "fanout", "http-worker", *to)
        assert ran.code == 0, ran.err
        server.asked.clear()
        checkout.edit("cmd/fanout/main.go", "package main", "package main; syntax error")
        failed = checkout.bs("push", "fanout", "http-worker", *to)
        assert (failed.code, server.asked) == (1, [])


def test_a_service_for_two_platforms_is_one_reference_and_runs_on_both(
    checkout: Checkout, registry: str, tmp_path: Path
) -> None:
    """The other platform is emulated here, which the build itself never needs."""
    platforms = "    rule: go_image\n    platforms: [linux/amd64, linux/arm64]"
    checkout.edit("cmd/http-worker/BUILD.yaml", "    rule: go_image", platforms)
    options = ("http-worker", "--to", f"{registry}/shop", "--json")
    pushed = checkout.bs("push", *options, "--tag", "v1")
    assert pushed.code == 0, pushed.err
    assert "compiled for linux/arm64 on linux/amd64, and not run" in pushed.err
    (target,) = pushed.json["targets"]
    built = json.loads(checkout.bs("image", "http-worker", "--json").out)
    assert target["platforms"]["linux/amd64"] == built["digest"]
    assert checkout.stale("http-worker") == set()

    place, folder = f"docker://{registry}/shop/http-worker:v1", tmp_path / "arm64"
    skopeo(
        "copy", "-q", "--override-arch=arm64", "--src-tls-verify=false", place, f"oci:{folder}:x"
    )
    assert config_of_layout(folder)["architecture"] == "arm64"
    files = files_of_layout(folder)
    program = tmp_path / "http-worker"
    program.write_bytes(files["usr/local/bin/http-worker"][2])
    program.chmod(0o755)
    port = free_port()
    environment = {"PORT": str(port), "HOST": "127.0.0.1"}
    with process(["qemu-aarch64-static", str(program)], env=environment):
        wait_for(lambda: listens(port))
        url = f"http://127.0.0.1:{port}/health"
        subprocess.run(["curl", "-sf", url], capture_output=True, check=True)

    again = checkout.bs("push", *options, "--tag", "v2")
    assert again.json["targets"][0]["outcome"] == "present"


def push_base(registry: str, folder: Path) -> None:
    """A base for two platforms, with a file that says which."""
    parts = {}
    for platform in ("linux/amd64", "linux/arm64"):
        store = DiskStore(str(folder / platform), platform, pytest.fail)
        image = StoredImage(store.blobs, seal(store, {"platform": platform.encode()}))
        parts[platform] = packed(image, Compression.ZSTD, str(folder))
    where, label = Repository.at(registry, "small"), Label.parse("//:small")
    images = tuple(Shipment(label, where, (), part, tuple) for part in parts.values())
    index = Shipment(label, where, ("1",), index_of(parts), tuple, parts=images)
    Push([index], lambda one, _: open_client(one, {}, write=True), PushedImages(str(folder))).run()


def test_each_platform_gets_its_own_of_a_base_in_a_registry(
    checkout: Checkout, registry: str, tmp_path: Path
) -> None:
    push_base(registry, tmp_path / "base")
    root = checkout.root / "BUILD.yaml"
    root.write_text(f"{root.read_text()}\nbases:\n  small: {{image: '{registry}/small:1'}}\n")
    wanted = "    rule: go_image\n    base: small\n    platforms: [linux/amd64, linux/arm64]"
    checkout.edit("cmd/http-worker/BUILD.yaml", "    rule: go_image", wanted)
    ran = checkout.bs("push", "http-worker", "--to", f"{registry}/shop", "--tag", "v1")
    assert ran.code == 0, ran.err
    place = f"docker://{registry}/shop/http-worker:v1"
    for machine in ("amd64", "arm64"):
        folder = tmp_path / machine
        options = ("-q", f"--override-arch={machine}", "--src-tls-verify=false")
        skopeo("copy", *options, place, f"oci:{folder}:x")
        assert files_of_layout(folder)["platform"][2] == f"linux/{machine}".encode()


def test_an_image_for_another_platform_is_not_built_on_a_base_of_this_one(
    checkout: Checkout,
) -> None:
    wanted = "    rule: go_image\n    base: alpine\n    platforms: [linux/arm64]"
    checkout.edit("cmd/http-worker/BUILD.yaml", "    rule: go_image", wanted)
    with serving(RegistryServer()) as server:
        ran = checkout.bs("push", "http-worker", "--to", f"{server.host}/shop", "--tag", "v1")
    assert (ran.code, server.asked) == (36, [])
    assert "its base `alpine` was made here, for linux/amd64" in ran.err


def test_what_go_says_of_a_program_is_what_its_bill_of_materials_says(
    checkout: Checkout, tmp_path: Path
) -> None:
    for name in ("orchestrator", "workflow-runner"):
        (path, (_, _, content)) = next(
            one for one in checkout.image_files(f"//cmd/{name}").items() if one[0].endswith(name)
        )
        program = tmp_path / path.rpartition("/")[2]
        program.write_bytes(content)
        said = subprocess.run(
            ["go", "version", "-m", str(program)], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        modules = {tuple(line.split()[1:4]) for line in said if line.split()[0] == "dep"}
        bill = json.loads(checkout.bs("sbom", name).out)
        found = {
            (one["name"], one["versionInfo"], one["comment"].removeprefix("go.sum: "))
            for one in bill["packages"]
            if one.get("comment", "").startswith("go.sum: ")
        }
        assert found == modules


def test_the_bill_of_a_python_image_has_what_its_requirements_pin(checkout: Checkout) -> None:
    lines = (checkout.root / "cmd/agent-runner-py/requirements.txt").read_text().splitlines()
    pinned = {tuple(line.split()[0].split("==")) for line in lines if "==" in line}
    bill = json.loads(checkout.bs("sbom", "agent-runner-py").out)
    found = {
        (one["name"].replace("_", "-"), one["versionInfo"])
        for one in bill["packages"]
        if "pypi" in one["SPDXID"]
    }
    assert found == pinned
    of_debian = {one["name"] for one in bill["packages"] if "SPDXRef-deb-" in one["SPDXID"]}
    assert {"libc6", "libssl3t64", "python3.13"} <= of_debian, "and what its base is made of"


def test_provenance_names_the_commit_only_of_unchanged_inputs(checkout: Checkout) -> None:
    def git(*arguments: str) -> str:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *arguments]
        done = subprocess.run(
            command, cwd=checkout.root, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commits() -> list[str]:
        predicate = json.loads(checkout.bs("provenance", "fanout").out)["predicate"]
        materials = predicate["buildDefinition"]["resolvedDependencies"]
        return [one["digest"]["gitCommit"] for one in materials if one["name"] == "sources"]

    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    assert commits() == [git("rev-parse", "HEAD")]
    checkout.edit("cmd/http-worker/main.go", "package main", "package main // another service")
    assert commits() == [git("rev-parse", "HEAD")]
    git("rm", "-q", "--cached", "cmd/fanout/main.go")
    git("commit", "-q", "-m", "second")
    assert commits() == []
