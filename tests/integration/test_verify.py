"""`bs verify` on real images: good ones, bad ones, and all three languages built again from nothing."""

from typing import Any

import pytest

from tests.integration.real import Checkout

BUILD_FILE = "cmd/http-worker/BUILD.yaml"
CHECK = "healthcheck: {command: [http-worker, health]}"


def checks(document: Any) -> dict[str, dict[str, Any]]:
    """Target → check → what was found."""
    return {
        target["label"]: {check["name"]: check for check in target["checks"]}
        for target in document["targets"]
    }


def verdicts(document: Any, label: str) -> dict[str, str]:
    return {name: check["verdict"] for name, check in checks(document)[label].items()}


@pytest.mark.parametrize("runtime", ["runc", "docker"])
def test_all_images_are_as_they_should_be(
    platform: Checkout, request: pytest.FixtureRequest, runtime: str
) -> None:
    environment = {"BS_RUNTIME": runtime}
    if runtime == "docker":
        environment["DOCKER_HOST"] = request.getfixturevalue("docker_host")
    ran = Checkout(platform.root, environment).bs("verify", "all", "--json")
    assert ran.code == 0, ran.out + ran.err
    assert ran.json["summary"] == {"images": 7, "failed": 0}
    for label in checks(ran.json):
        found = verdicts(ran.json, label)
        assert found.pop("reproducible") == "not_asked"
        promised = {"static", "trimmed"} if label == "//cmd/agent-runner-py" else set()
        assert {name for name, verdict in found.items() if verdict != "passed"} == promised


def test_a_bad_image_is_told_what_is_wrong(checkout: Checkout) -> None:
    checkout.edit(BUILD_FILE, CHECK, "healthcheck: {command: [http-worker, unwell]}")
    checkout.edit(BUILD_FILE, "max_size: 10MB", "max_size: 5MB")
    checkout.edit(
        BUILD_FILE, "run_port", "labels: {org.opencontainers.image.revision: r1}\n    run_port"
    )
    ran = checkout.bs("verify", "http-worker", "--timeout", "2")
    assert ran.code == 3
    lines = ran.out.splitlines()
    assert any("size: has 67" in line and "more than max_size (5000000)" in line for line in lines)
    assert any("revision changes without the image" in line for line in lines)
    assert any(
        "isn't healthy after 2 s: `http-worker unwell` fails in it" in line for line in lines
    )
    assert '"msg":"started"' in ran.out, "the last log lines are shown"
    assert lines[-1] == "1 images: 0 as they should be, 1 not"
    checkout.edit(BUILD_FILE, "run_port", "waive: [labels, size, health]\n    run_port")
    ran = checkout.bs("verify", "http-worker", "--timeout", "2", "--json")
    assert ran.code == 0, ran.out
    found = verdicts(ran.json, "//cmd/http-worker")
    assert {name for name, verdict in found.items() if verdict == "waived"} == {
        "labels", "size", "health",
    }  # fmt: skip


def test_an_image_that_ends_at_once_is_not_healthy(checkout: Checkout) -> None:
    checkout.edit(BUILD_FILE, CHECK, f"{CHECK}\n    env: {{MAX_BODY_BYTES: some}}")
    ran = checkout.bs("verify", "http-worker")
    assert ran.code == 3
    assert "health: `verify-http-worker` ended with exit code 1" in ran.out
    assert "not a whole number above 0" in ran.out


def test_images_of_all_languages_are_the_same_when_built_from_nothing(platform: Checkout) -> None:
    labels = ("//cmd/http-worker", "//cmd/agent-runner-py", "//cmd/aob-cli")
    ran = platform.bs("verify", *labels, "--rebuild", "--no-run", "--json")
    assert ran.code == 0, ran.out + ran.err
    for label in labels:
        found = verdicts(ran.json, label)
        assert found["reproducible"] == "passed"
        assert found["health"] == "not_asked"
