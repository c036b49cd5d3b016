"""What deploy/ has, on the real things: buildkitd, a registry, openssl, cert-manager's definitions."""

import json
import os
import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import requests
import yaml

from buildsys.engine.address import NAMED, Engine
from buildsys.engine.asking import answers
from buildsys.machine import Machine
from tests.integration.conftest import free_port, wait_for
from tests.integration.engines import make_certificates, run_alone
from tests.integration.real import process
from tests.integration.test_eject import Silent
from tests.test_deploy import DEPLOY, DOCUMENTS, OBJECTS, WORKLOADS

CERT_MANAGER = "github.com/cert-manager/cert-manager@v1.19.1"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificates(tmp_path_factory.mktemp("certificates"), "127.0.0.1", "localhost")


def test_a_real_buildkitd_takes_the_arguments_and_the_configuration(
    certificates: Path, tmp_path: Path
) -> None:
    """All but where its files and sockets are, and what only one without root takes."""
    (container,) = WORKLOADS[0]["spec"]["containers"]
    toml = OBJECTS["ConfigMap", "buildkitd"]["data"]["buildkitd.toml"]
    config = tmp_path / "buildkitd.toml"
    config.write_text(toml.replace("/certs", str(certificates / "server")))
    address = f"tcp://127.0.0.1:{free_port()}"
    arguments = [
        argument.replace("/etc/buildkit/buildkitd.toml", str(config))
        .replace("/run/user/1000/buildkit/buildkitd.sock", str(tmp_path / "s"))
        .replace("tcp://0.0.0.0:1234", address)
        .replace("/certs", str(certificates / "server"))
        for argument in container["args"]
        if argument != "--oci-worker-no-process-sandbox"
    ]
    toolbox = Machine(os.environ, Silent()).daemon.toolbox
    options = ["--root", str(tmp_path / "root"), "--oci-worker-binary", str(toolbox.runtime())]
    engine = Engine(
        address, toolbox.provide("buildctl"), NAMED, ("--tlsdir", str(certificates / "client"))
    )
    with run_alone([toolbox.provide("buildkitd"), *arguments, *options], tmp_path):
        wait_for((tmp_path / "s").exists)
        assert answers(engine) == ""
        assert answers(Engine(address, engine.buildctl, NAMED)) != ""
    assert "level=error" not in (tmp_path / "log").read_text()


def test_a_real_registry_takes_the_settings(certificates: Path, tmp_path: Path) -> None:
    (container,) = WORKLOADS[1]["spec"]["containers"]
    port = free_port()
    data = tmp_path / "data"
    data.mkdir()
    environment = {
        variable["name"]: variable["value"]
        .replace("0.0.0.0:5000", f"127.0.0.1:{port}")
        .replace("/certs", str(certificates / "server"))
        .replace("/var/lib/registry", str(data))
        for variable in container["env"]
    }
    config = tmp_path / "registry.yml"
    config.write_text("version: 0.1\nstorage: {filesystem: {}}\n")
    command = ["docker-registry", "serve", str(config)]
    with (
        (tmp_path / "log").open("wb") as log,
        process(command, env=dict(os.environ) | environment, stdout=log, stderr=log),
    ):
        wait_for(lambda: answers_https(port))
        asking = requests.Session()
        asking.trust_env = False
        asking.verify = str(certificates / "client/ca.crt")
        assert asking.get(f"https://localhost:{port}/").status_code == 200
        base = f"https://localhost:{port}/v2/team/"
        begun = asking.post(f"{base}blobs/uploads/")
        digest = "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
        place = f"{begun.headers['Location']}&digest={digest}"
        assert asking.put(place, data=b"foo").status_code == 201
        assert asking.get(f"{base}blobs/{digest}").content == b"foo"
        assert asking.delete(f"{base}blobs/{digest}").status_code == 202
    assert any(data.rglob("*")), "it is kept on the volume"


def answers_https(port: int) -> bool:
    try:
        ssl.get_server_certificate(("127.0.0.1", port), timeout=5)
    except OSError:
        return False
    return True


def test_the_script_keeps_what_is_there_and_adds_what_is_missing(tmp_path: Path) -> None:
    folder = make_certificates(tmp_path / "certs", "*.example.com", "10.0.0.1", "fe80::1")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert {str(path.relative_to(folder)) for path in before} == {
        *("authority/tls.crt", "authority/tls.key"),
        *("server/ca.crt", "server/tls.crt", "server/tls.key"),
        *("client/ca.crt", "client/tls.crt", "client/tls.key"),
    }
    assert all(path.stat().st_mode & 0o077 == 0 for path in before)
    shutil.rmtree(folder / "client")
    make_certificates(folder, "ignored")
    kept = {path for path, content in before.items() if path.read_bytes() == content}
    assert {path.parent.name for path in before.keys() - kept} == {"client"}
    for name in ("server", "client"):
        verified = subprocess.run(
            ["openssl", "verify", "-x509_strict", "-purpose", f"ssl{name}",
             "-CAfile", folder / "authority/tls.crt", folder / name / "tls.crt"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert verified.returncode == 0, verified.stdout + verified.stderr
    names = subprocess.run(
        ["openssl", "x509", "-in", folder / "server/tls.crt", "-noout", "-ext", "subjectAltName"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "DNS:*.example.com, IP Address:10.0.0.1, IP Address:FE80:0:0:0:0:0:0:1" in names


def test_an_engines_certificate_makes_nobody_a_client(certificates: Path) -> None:
    refused = subprocess.run(
        ["openssl", "verify", "-purpose", "sslclient",
         "-CAfile", certificates / "authority/tls.crt", certificates / "server/tls.crt"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert refused.returncode != 0
    assert "unsuitable certificate purpose" in refused.stderr + refused.stdout


@pytest.mark.parametrize("arguments", [[], ["folder"], ["folder", "a b"], ["folder", "x;y"]])
def test_the_script_refuses_what_it_does_not_understand(
    arguments: list[str], tmp_path: Path
) -> None:
    ran = subprocess.run(
        [DEPLOY / "certificates", *arguments], cwd=tmp_path, capture_output=True, check=False
    )
    assert ran.returncode == 2
    assert ran.stderr
    assert list(tmp_path.iterdir()) == []


def test_cert_manager_takes_its_objects() -> None:
    """By the schemas of its own definitions, which come with its Go module."""
    go = Machine(os.environ, Silent()).daemon.toolbox.go()
    module = subprocess.run(
        [go, "mod", "download", "-json", CERT_MANAGER], capture_output=True, text=True, check=True
    )
    schemas = dict(schemas_in(Path(json.loads(module.stdout)["Dir"]) / "deploy/crds"))
    ours = [one for _, one in DOCUMENTS if one["apiVersion"] == "cert-manager.io/v1"]
    assert {one["kind"] for one in ours} == {"Issuer", "Certificate"}
    for one in ours:
        jsonschema.validate(one, schemas[one["kind"]])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**ours[0], "spec": {"selfsigned": {}}}, schemas["Issuer"])


def schemas_in(folder: Path) -> Any:
    for path in folder.glob("cert-manager.io_*.yaml"):
        definition = yaml.safe_load(path.read_text())["spec"]
        for version in definition["versions"]:
            yield definition["names"]["kind"], strict(version["schema"]["openAPIV3Schema"])


def strict(schema: Any) -> Any:
    """Fields that a definition doesn't know are dropped by Kubernetes without a word: here they are wrong."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: strict(value) for key, value in schema.items()}
    if found.get("properties") and "type" in found:
        found.setdefault("additionalProperties", False)
        if "kind" in found["properties"]:
            found["properties"]["metadata"] = {}
    return found
