"""Releasing the seven services: into a real registry, read by standard tools, and counted at the wire."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import free_port, listens, wait_for
from tests.integration.real import Checkout, files_of_layout, process
from tests.registry_server import Answer, RegistryServer, serving

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
    with process(["docker-registry", "serve", str(config)], stderr=subprocess.DEVNULL):
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
