"""Which engines are named, and which of them are refused before anybody is asked."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from buildsys.engine.named import SHARED_SOLVES, chosen, security, solves_at_once
from buildsys.errors import UsageError
from buildsys.model.target import EngineSettings

UNIX = EngineSettings(("unix:///a", "unix:///b"))


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    folder = tmp_path / "client"
    folder.mkdir()
    for name in ("ca.crt", "tls.crt", "tls.key"):
        (folder / name).touch()
    return folder


@pytest.mark.parametrize(
    ("environment", "addresses"),
    [
        ({}, ("unix:///a", "unix:///b")),
        ({"BUILDKIT_HOST": "unix:///c"}, ("unix:///c",)),
        ({"BS_ENGINES": "unix:///d, kube-pod://e"}, ("unix:///d", "kube-pod://e")),
        ({"BS_ENGINES": "unix:///d,unix:///d,"}, ("unix:///d",)),
        ({"BS_ENGINES": "unix:///d", "BUILDKIT_HOST": "unix:///c"}, ("unix:///d",)),
        ({"BS_ENGINES": "", "BUILDKIT_HOST": ""}, ("unix:///a", "unix:///b")),
    ],
)
def test_the_environment_wins_over_the_workspace(
    environment: Mapping[str, str], addresses: tuple[str, ...]
) -> None:
    assert chosen(UNIX, environment, "/w").addresses == addresses


def test_nothing_is_named_where_nobody_names_any() -> None:
    assert chosen(EngineSettings(), {}, "/w") == EngineSettings()


@pytest.mark.parametrize(
    "address",
    [
        *("tcp://127.0.0.1:1", "tcp://127.8.8.8:1", "tcp://localhost:1", "tcp://[::1]:1"),
        *("unix:///x", "ssh://user@host", "kube-pod://buildkitd-0?namespace=ci"),
        *("docker-container://bs-buildkit", "podman-container://x", "nerdctl-container://x"),
    ],
)
def test_what_stays_here_or_is_carried_safely_needs_no_certificates(address: str) -> None:
    assert chosen(EngineSettings((address,)), {}, "/w").addresses == (address,)


@pytest.mark.parametrize(
    "address",
    [
        *("tcp://10.0.0.1:1", "tcp://buildkitd:1", "tcp://localhost.example.com:1"),
        *("tcp://[fe80::1]:1", "tcp://0.0.0.0:1", "tcp://:1", "tcp://127.0.0.1.example.com:1"),
    ],
)
@pytest.mark.parametrize("variable", ["BS_ENGINES", "BUILDKIT_HOST", ""])
def test_tcp_without_tls_is_refused_outside_loopback(address: str, variable: str) -> None:
    environment = {variable: address} if variable else {}
    settings = EngineSettings() if variable else EngineSettings(("unix:///a", address))
    with pytest.raises(UsageError, match="is refused without TLS") as refused:
        chosen(settings, environment, "/w")
    assert "BS_ENGINES_CERTIFICATES" in refused.value.hint


def test_with_certificates_tcp_may_go_anywhere(certificates: Path) -> None:
    for settings, environment in (
        (EngineSettings(("tcp://x:1",), "client"), {}),
        (EngineSettings(("tcp://x:1",), str(certificates)), {}),
        (EngineSettings(("tcp://x:1",)), {"BS_ENGINES_CERTIFICATES": str(certificates)}),
        (EngineSettings(("tcp://x:1",), "no"), {"BS_ENGINES_CERTIFICATES": str(certificates)}),
    ):
        found = chosen(settings, environment, str(certificates.parent))
        assert security(found, "tcp://x:1") == ("--tlsdir", str(certificates))
        assert security(found, "unix:///x") == ()


@pytest.mark.parametrize("lacking", ["ca.crt", "tls.crt", "tls.key"])
def test_a_certificate_that_is_missing_is_named(certificates: Path, lacking: str) -> None:
    (certificates / lacking).unlink()
    with pytest.raises(UsageError, match=f"lack .* or {lacking}: {certificates}"):
        chosen(EngineSettings(("tcp://x:1",), str(certificates)), {}, "/w")


def test_the_names_that_buildctl_knows_do_as_well(certificates: Path) -> None:
    for old, new in (("ca.crt", "ca.pem"), ("tls.crt", "cert.pem"), ("tls.key", "key.pem")):
        (certificates / old).rename(certificates / new)
    assert chosen(EngineSettings(("tcp://x:1",), str(certificates)), {}, "/w").certificates


def test_certificates_that_nobody_shows_are_not_looked_for() -> None:
    for addresses in ((), ("unix:///a", "kube-pod://b")):
        assert chosen(EngineSettings(addresses, "no/such/folder"), {}, "/w").addresses == addresses


def test_the_name_in_the_certificate_may_be_another(certificates: Path) -> None:
    settings = EngineSettings(("tcp://127.0.0.1:1",), str(certificates), "buildkitd")
    named = chosen(settings, {}, "/w")
    assert security(named, "tcp://127.0.0.1:1")[-2:] == ("--tlsservername", "buildkitd")
    named = chosen(settings, {"BS_ENGINES_SERVER_NAME": "other"}, "/w")
    assert security(named, "tcp://127.0.0.1:1")[-1] == "other"


@pytest.mark.parametrize("address", ["buildkitd:1234", "http://x", "tcp://", "unix:///a b", "x"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(UsageError):
        chosen(EngineSettings(), {"BS_ENGINES": f"unix:///a,{address}".replace(" ", "\t")}, "/w")


def test_only_several_engines_are_limited_without_a_word() -> None:
    assert solves_at_once(EngineSettings(("unix:///a",))) is None
    assert solves_at_once(UNIX) == SHARED_SOLVES
    assert solves_at_once(EngineSettings(("unix:///a",), solves=2)) == 2
    assert solves_at_once(chosen(UNIX, {"BS_ENGINES_SOLVES": "7"}, "/w")) == 7


@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5", "1001"])
def test_a_limit_is_a_number(text: str) -> None:
    with pytest.raises(UsageError, match="BS_ENGINES_SOLVES has to be a number from 1 to 1000"):
        chosen(UNIX, {"BS_ENGINES_SOLVES": text}, "/w")
