"""Names of repositories, proxies, and credentials from Docker's configuration."""

import base64
import json
import os
from pathlib import Path

import pytest

from buildsys.errors import UsageError
from buildsys.registry.credentials import Credential, DockerCredentials
from buildsys.registry.proxies import proxy_for
from buildsys.registry.repository import Repository


@pytest.mark.parametrize(
    ("text", "host", "name", "origin"),
    [
        ("ghcr.io/acme/cache", "ghcr.io", "acme/cache", "https://ghcr.io"),
        ("localhost:5000/x", "localhost:5000", "x", "http://localhost:5000"),
        ("127.0.0.1:5000/x", "127.0.0.1:5000", "x", "http://127.0.0.1:5000"),
        ("[::1]:5000/x", "[::1]:5000", "x", "http://[::1]:5000"),
        ("registry.local:5000/x/y", "registry.local:5000", "x/y", "https://registry.local:5000"),
        ("http://registry.local/x", "registry.local", "x", "http://registry.local"),
        ("https://registry.local/x", "registry.local", "x", "https://registry.local"),
        ("docker.io/me/x", "docker.io", "me/x", "https://registry-1.docker.io"),
        ("127.0.0.1.evil.com/x", "127.0.0.1.evil.com", "x", "https://127.0.0.1.evil.com"),
    ],
)
def test_tls_is_spoken_but_to_loopback_and_where_http_is_written(
    text: str, host: str, name: str, origin: str
) -> None:
    found = Repository.parse(text)
    assert (found.host, found.name, found.origin) == (host, name, origin)
    assert str(found) == f"{host}/{name}"


@pytest.mark.parametrize(
    "text",
    ["", "x", "/x", "host/", "host/X", "host/x:tag", "ftp://host/x", "user@host/x", "host/../x",
     "host/x?y", "host/x\n", "ho st/x"],
)  # fmt: skip
def test_what_names_no_repository_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Repository.parse(text)


def config(folder: Path, content: object) -> DockerCredentials:
    (folder / "config.json").write_text(json.dumps(content))
    return DockerCredentials({"DOCKER_CONFIG": str(folder), "PATH": f"{folder}:{os.defpath}"})


def helper(folder: Path, name: str, script: str) -> None:
    path = folder / f"docker-credential-{name}"
    path.write_text(f"#!/bin/sh\nread -r host\n{script}\n")
    path.chmod(0o755)


TOKEN = Credential(identity_token="t")  # noqa: S106
AUTH = base64.b64encode(b"me:a:b").decode()


@pytest.mark.parametrize("key", ["reg.io", "https://reg.io", "https://reg.io/v2/", "http://reg.io"])
def test_credentials_in_the_file_are_for_their_host_alone(tmp_path: Path, key: str) -> None:
    known = config(tmp_path, {"auths": {key: {"auth": AUTH}}})
    assert known("reg.io") == Credential("me", "a:b")
    for other in ("io", "reg.io.evil.com", "evil-reg.io", "reg.io:5000", "x/reg.io"):
        assert known(other) is None


def test_a_password_is_not_printed() -> None:
    assert "secret" not in repr(Credential("me", "secret", "secret"))


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        ({"username": "me", "password": "p"}, Credential("me", "p")),
        ({"identitytoken": "t"}, TOKEN),
        ({"auth": "%%%"}, None),
        ({"auth": base64.b64encode(b"\xff\xff").decode()}, None),
        ({"auth": ""}, None),
        ({}, None),
        ("nonsense", None),
        ({"auth": base64.b64encode(b"nocolon").decode()}, None),
    ],
)
def test_entries_of_the_file(tmp_path: Path, entry: object, found: Credential | None) -> None:
    assert config(tmp_path, {"auths": {"reg.io": entry}})("reg.io") == found


def test_docker_hub_is_known_by_its_old_name(tmp_path: Path) -> None:
    known = config(tmp_path, {"auths": {"https://index.docker.io/v1/": {"auth": AUTH}}})
    assert known("docker.io") == Credential("me", "a:b")


def test_a_helper_of_the_host_is_asked_before_the_general_one(tmp_path: Path) -> None:
    says = 'echo "{{\\"Username\\": \\"{}\\", \\"Secret\\": \\"$host\\"}}"'
    helper(tmp_path, "one", says.format("one"))
    helper(tmp_path, "all", says.format("all"))
    known = config(tmp_path, {"credHelpers": {"reg.io": "one"}, "credsStore": "all"})
    assert known("reg.io") == Credential("one", "reg.io")
    assert known("other.io") == Credential("all", "other.io")
    assert known("docker.io") == Credential("all", "https://index.docker.io/v1/")


def test_a_helper_may_give_a_token(tmp_path: Path) -> None:
    helper(tmp_path, "x", 'echo \'{"Username": "<token>", "Secret": "t"}\'')
    assert config(tmp_path, {"credsStore": "x"})("reg.io") == TOKEN


@pytest.mark.parametrize("script", ["exit 1", "echo nonsense", "echo '[]'", "echo '{}'", "true"])
def test_a_helper_that_knows_nothing_leaves_it_to_the_file(tmp_path: Path, script: str) -> None:
    helper(tmp_path, "x", script)
    known = config(tmp_path, {"credsStore": "x", "auths": {"reg.io": {"auth": AUTH}}})
    assert known("reg.io") == Credential("me", "a:b")


@pytest.mark.parametrize("name", ["../evil", "-x", "a b", "", "x/../../y", 1])
def test_a_helper_is_a_name_and_no_path(tmp_path: Path, name: object) -> None:
    assert config(tmp_path, {"credsStore": name})("reg.io") is None


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '{"auths": []}', '{"credHelpers": 1}'])
def test_a_configuration_that_is_none_is_none(tmp_path: Path, text: str) -> None:
    known = config(tmp_path, {})
    (tmp_path / "config.json").write_text(text)
    assert known("reg.io") is None
    (tmp_path / "config.json").unlink()
    assert known("reg.io") is None


@pytest.mark.parametrize(
    ("origin", "environment", "proxy"),
    [
        ("https://reg.io", {}, ""),
        ("https://reg.io", {"HTTPS_PROXY": "http://p:1"}, "http://p:1"),
        ("https://reg.io", {"https_proxy": "p:1"}, "http://p:1"),
        ("https://reg.io", {"https_proxy": "http://p:1", "no_proxy": "x.io,reg.io"}, ""),
        ("https://reg.io", {"https_proxy": "http://p:1", "NO_PROXY": "*"}, ""),
        ("https://reg.io", {"https_proxy": "http://p:1", "NO_PROXY": "g.io"}, "http://p:1"),
        ("http://localhost:5000", {"http_proxy": "http://p:1"}, ""),
        ("http://reg.local", {"https_proxy": "http://p:1"}, ""),
    ],
)
def test_the_proxy_on_the_way(origin: str, environment: dict[str, str], proxy: str) -> None:
    assert proxy_for(origin, environment) == proxy
