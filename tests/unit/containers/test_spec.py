"""From a target and its image to a container."""

from typing import Any

import pytest

from buildsys.containers.bundle import bundle_config
from buildsys.containers.container import Mount
from buildsys.containers.spec import container_spec
from buildsys.errors import UsageError
from buildsys.model.label import Label
from buildsys.model.target import AttributeValue, Target

IMAGE: dict[str, Any] = {
    "config": {
        "User": "1000:1001",
        "Env": ["PORT=8081", "EQUALS=a=b"],
        "Entrypoint": ["/usr/local/bin/api"],
        "Cmd": ["serve"],
        "WorkingDir": "/data",
        "Healthcheck": {"Test": ["CMD", "wget", "http://localhost:8081/health"]},
    }
}


def target(**attributes: AttributeValue) -> Target:
    given: dict[str, AttributeValue] = {
        "port": 8081, "run_port": None, "run_env": (), "writable": (), **attributes,
    }  # fmt: skip
    return Target(Label("cmd/api", "api"), "go_image", given)


def image(**config: Any) -> dict[str, Any]:
    return {"config": {**IMAGE["config"], **config}}


def test_an_image_of_any_dockerfile_has_its_own_volumes_and_user() -> None:
    attributes = {name: value for name, value in target().attributes.items() if name != "writable"}
    own = Target(Label("app", "app"), "docker_image", attributes)
    spec = container_spec(own, image(Volumes={"/data": {}, "/cache": {}}, User="7"))
    assert spec.volumes == ("/cache", "/data")
    assert (spec.uid, spec.gid) == (7, 0)
    assert container_spec(own, image(Volumes=None, User="")).volumes == ()


@pytest.mark.parametrize("user", ["node", "1000:staff", "²"])
def test_a_user_that_only_the_image_knows_is_refused(user: str) -> None:
    with pytest.raises(UsageError, match="whose number only the image knows"):
        container_spec(target(), image(User=user))


def test_a_container_is_what_the_image_says() -> None:
    spec = container_spec(target(writable=("/data",)), IMAGE)
    assert spec.name == "api"
    assert spec.command == ("/usr/local/bin/api", "serve")
    assert (spec.uid, spec.gid, spec.folder) == (1000, 1001, "/data")
    assert dict(spec.environment) == {"PORT": "8081", "EQUALS": "a=b"}
    assert spec.health == ("wget", "http://localhost:8081/health")
    assert (spec.port, spec.volumes) == (8081, ("/data",))


def test_on_another_port_service_and_health_check_follow() -> None:
    spec = container_spec(target(run_port=9000), IMAGE)
    assert dict(spec.environment)["PORT"] == "9000"
    assert spec.health == ("wget", "http://localhost:9000/health")


def test_what_is_given_goes_before_what_is_declared() -> None:
    declared = target(run_env=(("A", "1"), ("B", "1")))
    spec = container_spec(declared, IMAGE, arguments=["x"], environment=["B=2"])
    assert spec.command == ("/usr/local/bin/api", "x")
    assert dict(spec.environment).items() >= {"A": "1", "B": "2"}.items()


def test_a_health_check_may_be_a_shell_command_or_none() -> None:
    shell = {"config": {"Healthcheck": {"Test": ["CMD-SHELL", "true"]}}}
    assert container_spec(target(), shell).health == ("/bin/sh", "-c", "true")
    assert container_spec(target(), {"config": {}}).health == ()
    none = {"config": {"Healthcheck": {"Test": ["NONE"]}}}
    assert container_spec(target(), none).health == ()


def test_mounts_are_read() -> None:
    spec = container_spec(target(), IMAGE, mounts=["/a:/b", "/c:/d:ro"])
    assert spec.mounts == (Mount("/a", "/b"), Mount("/c", "/d", read_only=True))


@pytest.mark.parametrize("given", ["A", "=b", ""])
def test_a_variable_needs_a_name_and_a_value(given: str) -> None:
    with pytest.raises(UsageError, match="NAME=VALUE"):
        container_spec(target(), IMAGE, environment=[given])


@pytest.mark.parametrize("given", ["/a", "/a:b", ":/b", "/a:/b:rw"])
def test_a_mount_names_two_places(given: str) -> None:
    with pytest.raises(UsageError, match="HOST:CONTAINER"):
        container_spec(target(), IMAGE, mounts=[given])


def test_a_bundle_has_no_capabilities_and_the_hosts_network() -> None:
    config: Any = bundle_config(
        container_spec(target(), IMAGE), (Mount("/a", "/b", read_only=True),)
    )
    process = config["process"]
    assert process["user"] == {"uid": 1000, "gid": 1001}
    assert "capabilities" not in process
    assert process["noNewPrivileges"]
    assert "network" not in [space["type"] for space in config["linux"]["namespaces"]]
    bind = config["mounts"][-1]
    assert (bind["source"], bind["destination"]) == ("/a", "/b")
    assert "ro" in bind["options"]
