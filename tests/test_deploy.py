"""What deploy/ has for Kubernetes fits Kubernetes, itself, and what bs is tested with."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from buildsys.engine.provision import BUILDKIT

DEPLOY = Path(__file__).parents[1] / "deploy"
FOLDER = DEPLOY / "kubernetes"
VERSIONS = ("1.30", "1.37")
"""The oldest that README.md names, and the newest whose schemas there are."""
OTHERS = {"cert-manager.io/v1", "kustomize.config.k8s.io/v1beta1"}
"""Not of Kubernetes itself; see tests/integration/test_deploy.py for the first."""


def documents() -> Iterator[tuple[str, Any]]:
    for path in sorted(FOLDER.glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            yield path.name, document


DOCUMENTS = tuple(documents())
OBJECTS = {(one["kind"], one["metadata"]["name"]): one for _, one in DOCUMENTS if "metadata" in one}


def template(kind: str, name: str) -> Any:
    return OBJECTS[kind, name]["spec"]["template"]


WORKLOADS = (template("StatefulSet", "buildkitd"), template("Deployment", "registry"))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "document",
    [one for _, one in DOCUMENTS if one["apiVersion"] not in OTHERS],
    ids=lambda one: f"{one['kind']}-{one['metadata']['name']}",
)
def test_each_object_is_what_kubernetes_takes(document: Any, version: str) -> None:
    assert kubernetes_validate.validate(document, version, strict=True) == version


def test_a_wrong_field_would_be_noticed() -> None:
    wrong = {**OBJECTS["Service", "buildkitd"], "spec": {"clusterIp": "None"}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)


def test_all_files_are_applied_and_into_one_namespace() -> None:
    (kustomization,) = (one for _, one in DOCUMENTS if one["kind"] == "Kustomization")
    assert {*kustomization["resources"], "kustomization.yaml"} == {name for name, _ in DOCUMENTS}
    assert ("Namespace", kustomization["namespace"]) in OBJECTS
    for (kind, _), one in OBJECTS.items():
        if kind != "Namespace":
            assert one["metadata"]["namespace"] == kustomization["namespace"]


def test_the_engines_are_of_the_version_that_is_tested() -> None:
    (container,) = WORKLOADS[0]["spec"]["containers"]
    assert container["image"] == f"docker.io/moby/buildkit:{BUILDKIT}-rootless"


def test_each_engine_has_a_name_of_its_own() -> None:
    service = OBJECTS["Service", OBJECTS["StatefulSet", "buildkitd"]["spec"]["serviceName"]]
    assert service["spec"]["clusterIP"] == "None"


@pytest.mark.parametrize("name", ["buildkitd", "registry"])
def test_services_and_policies_are_about_the_pods_and_their_ports(name: str) -> None:
    pods = template("StatefulSet" if name == "buildkitd" else "Deployment", name)
    labels = pods["metadata"]["labels"]
    (container,) = pods["spec"]["containers"]
    (port,) = container["ports"]
    service = OBJECTS["Service", name]["spec"]
    assert service["selector"].items() <= labels.items()
    assert [one["targetPort"] for one in service["ports"]] == [port["name"]]
    policy = OBJECTS["NetworkPolicy", name]["spec"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    opened = [one["port"] for rule in policy["ingress"] for one in rule["ports"]]
    assert opened == [port["containerPort"]] == [one["port"] for one in service["ports"]]


def test_nobody_else_reaches_anything() -> None:
    everybody = OBJECTS["NetworkPolicy", "nobody"]["spec"]
    assert everybody == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_what_pods_mount_is_made_here() -> None:
    secrets = {
        one["spec"]["secretName"] for (kind, _), one in OBJECTS.items() if kind == "Certificate"
    }
    for pods in WORKLOADS:
        spec = pods["spec"]
        claimed = OBJECTS["StatefulSet", "buildkitd"]["spec"]["volumeClaimTemplates"]
        volumes = {volume["name"] for volume in spec["volumes"]}
        volumes |= {claim["metadata"]["name"] for claim in claimed}
        for volume in spec["volumes"]:
            if "secret" in volume:
                assert volume["secret"]["secretName"] in secrets
            elif "configMap" in volume:
                assert ("ConfigMap", volume["configMap"]["name"]) in OBJECTS
            else:
                claim = volume["persistentVolumeClaim"]["claimName"]
                assert ("PersistentVolumeClaim", claim) in OBJECTS
        (container,) = spec["containers"]
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes


def test_the_registry_that_engines_trust_is_the_one_that_is_there() -> None:
    text = OBJECTS["ConfigMap", "buildkitd"]["data"]["buildkitd.toml"]
    (named,) = tomllib.loads(text)["registry"]
    host, _, port = named.partition(":")
    assert int(port) == OBJECTS["Service", "registry"]["spec"]["ports"][0]["port"]
    assert host in OBJECTS["Certificate", "registry"]["spec"]["dnsNames"]


def test_the_addresses_in_the_readme_are_in_the_engines_certificate() -> None:
    readme = (DEPLOY / "README.md").read_text()
    names = OBJECTS["Certificate", "buildkitd"]["spec"]["dnsNames"]
    made = re.findall(r"'(\*\.[^']+)'", readme)
    found = set(re.findall(r"tcp://buildkitd-\d\.([a-z.-]+):1234", readme))
    assert found
    for rest in found:
        assert f"*.{rest}" in names
        assert f"*.{rest}" in made


def test_only_rootless_buildkit_is_unconfined() -> None:
    buildkitd, registry = (pods["spec"] for pods in WORKLOADS)
    (container,) = buildkitd["containers"]
    assert container["securityContext"]["runAsUser"] == 1000
    assert "privileged" not in container["securityContext"]
    (container,) = registry["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert registry["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
