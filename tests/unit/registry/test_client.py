"""The client against a registry that answers over HTTP, as it should and as it shouldn't."""

import base64
import io
import json
import ssl
import subprocess
from collections.abc import Callable
from email.utils import formatdate
from functools import partial
from pathlib import Path

import pytest

from buildsys.model.action import Blob
from buildsys.model.digest import digest_of
from buildsys.registry.client import INDEX_TYPE, MANIFEST_TYPE, RegistryClient, open_client
from buildsys.registry.credentials import Credential, no_credentials
from buildsys.registry.repository import Repository
from buildsys.registry.trouble import RegistryTrouble, WrongBytes
from buildsys.registry.wire import Patience, Wire
from tests.registry_server import Answer, Asked, Behaviour, RegistryServer, serving
from tests.unit.registry.conftest import Clients, knowing

CONTENT = b"the bytes of a layer" * 1000
BLOB = Blob(digest_of(CONTENT), len(CONTENT))
INDEX = b'{"schemaVersion": 2, "manifests": []}'
REPOSITORY = "team/cache"


def push(client: RegistryClient, content: bytes = CONTENT, *, mount_from: str = "") -> bool:
    blob = Blob(digest_of(content), len(content))
    return client.push_blob(blob, lambda: io.BytesIO(content), mount_from=mount_from)


def fetched(client: RegistryClient, blob: Blob = BLOB) -> bytes | None:
    into = io.BytesIO()
    return into.getvalue() if client.fetch_blob(blob, into) else None


def first(answers: list[Answer], of: Callable[[Asked], bool] = lambda _: True) -> Behaviour:
    """Gives these answers first, to requests of a kind."""

    def behave(asked: Asked) -> Answer | None:
        return answers.pop(0) if answers and of(asked) else None

    return behave


# --- as it should ---------------------------------------------------------------------------------


def test_what_was_pushed_is_fetched(clients: Clients) -> None:
    client = clients()
    assert not client.has_blob(BLOB.digest)
    assert fetched(client) is None
    assert push(client)
    assert client.has_blob(BLOB.digest)
    assert fetched(client) == CONTENT


def test_a_blob_that_is_there_is_not_sent_again(clients: Clients, server: RegistryServer) -> None:
    push(clients())
    server.asked.clear()
    assert not push(clients())
    assert server.written == []


def test_a_blob_of_another_repository_is_mounted(clients: Clients, server: RegistryServer) -> None:
    push(clients("team/other"))
    server.asked.clear()
    assert not push(clients(), mount_from="team/other")
    assert [asked.method for asked in server.written] == ["POST"]
    assert fetched(clients()) == CONTENT


def test_a_blob_that_can_not_be_mounted_is_sent(clients: Clients) -> None:
    assert push(clients(), mount_from="team/other")
    assert fetched(clients()) == CONTENT


def test_manifests_are_put_and_found_by_tag_and_by_digest(clients: Clients) -> None:
    client = clients()
    assert client.manifest("one") is None
    assert not client.has_manifest("one")
    digest = client.put_manifest("one", INDEX, INDEX_TYPE)
    for reference in ("one", digest):
        found = client.manifest(reference)
        assert found is not None
        assert (found.content, found.media_type, found.digest) == (INDEX, INDEX_TYPE, digest)
        assert client.has_manifest(reference)


def test_connections_are_used_again(clients: Clients, server: RegistryServer) -> None:
    client = clients()
    ports = set()

    def behave(asked: Asked) -> None:
        ports.add(asked.headers["Host"])

    server.behave = behave
    for _ in range(3):
        push(client)
        client.manifest("none")
    assert client._wire._pool.pools.keys()
    (key,) = client._wire._pool.pools.keys()
    pool = client._wire._pool.pools[key]
    assert pool is not None
    assert pool.num_connections == 1


# --- wrong bytes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given", [CONTENT[:-1] + b"?", CONTENT + b"?", CONTENT[:-1], b"", b"?" * (1 << 20)]
)
def test_bytes_that_are_not_those_of_the_digest_are_refused(
    clients: Clients, server: RegistryServer, given: bytes
) -> None:
    server.store(REPOSITORY).blobs[BLOB.digest] = given
    with pytest.raises(WrongBytes):
        fetched(clients())


def test_a_blob_of_the_right_digest_and_another_size_is_refused(
    clients: Clients, server: RegistryServer
) -> None:
    server.store(REPOSITORY).blobs[BLOB.digest] = CONTENT
    for size in (BLOB.size_bytes - 1, BLOB.size_bytes + 1):
        with pytest.raises(WrongBytes):
            fetched(clients(), Blob(BLOB.digest, size))


def test_a_manifest_that_is_not_that_of_its_digest_is_refused(
    clients: Clients, server: RegistryServer
) -> None:
    server.store(REPOSITORY).manifests[digest_of(INDEX)] = (MANIFEST_TYPE, b"{}")
    with pytest.raises(WrongBytes):
        clients().manifest(digest_of(INDEX))


def test_a_manifest_without_end_is_not_read_to_its_end(
    clients: Clients, server: RegistryServer
) -> None:
    server.store(REPOSITORY).manifests["huge"] = (MANIFEST_TYPE, b" " * (5 << 20))
    with pytest.raises(WrongBytes):
        clients().manifest("huge")


# --- in trouble -----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_passes_is_tried_again_and_no_more_than_three_times(
    clients: Clients, server: RegistryServer, status: int
) -> None:
    server.store(REPOSITORY).blobs[BLOB.digest] = CONTENT
    server.behave = first([Answer(status)] * 2)
    assert fetched(clients()) == CONTENT
    assert clients.pauses == [0.2, 0.8]
    server.asked.clear()
    server.behave = lambda _asked: Answer(status)
    with pytest.raises(RegistryTrouble) as refused:
        fetched(clients())
    assert refused.value.status == status
    assert len(server.asked) == 3


@pytest.mark.parametrize("status", [400, 403, 405, 501])
def test_what_does_not_pass_is_not_tried_again(
    clients: Clients, server: RegistryServer, status: int
) -> None:
    server.behave = lambda _asked: Answer(status)
    with pytest.raises(RegistryTrouble):
        fetched(clients())
    assert len(server.asked) == 1


def test_an_answer_that_breaks_off_is_asked_for_again(
    clients: Clients, server: RegistryServer
) -> None:
    server.store(REPOSITORY).blobs[BLOB.digest] = CONTENT
    server.behave = first([Answer(body=CONTENT, sent=100)])
    assert fetched(clients()) == CONTENT
    server.behave = lambda _asked: Answer(body=CONTENT, sent=100)
    with pytest.raises(RegistryTrouble, match="doesn't answer"):
        fetched(clients())


def test_a_manifest_that_breaks_off_is_asked_for_again(
    clients: Clients, server: RegistryServer
) -> None:
    client = clients()
    client.put_manifest("one", INDEX, INDEX_TYPE)
    server.behave = first([Answer(body=INDEX, sent=5)])
    found = client.manifest("one")
    assert found is not None
    assert found.content == INDEX


def test_an_upload_that_fails_begins_anew(clients: Clients, server: RegistryServer) -> None:
    server.behave = first([Answer(500)], lambda asked: asked.method == "PUT")
    assert push(clients())
    assert [asked.method for asked in server.written] == ["POST", "PUT", "POST", "PUT"]
    assert fetched(clients()) == CONTENT


def test_a_registry_that_says_when_is_asked_again_then(
    clients: Clients, server: RegistryServer
) -> None:
    server.behave = first([Answer(429, headers={"Retry-After": "3"})])
    assert clients().manifest("none") is None
    assert clients.pauses == [3.0]


def test_a_registry_that_wants_too_long_a_pause_is_not_waited_for(
    clients: Clients, server: RegistryServer
) -> None:
    for value in ("3600", formatdate(4_000_000_000, usegmt=True)):
        server.asked.clear()
        server.behave = lambda _asked, v=value: Answer(429, headers={"Retry-After": v})  # type: ignore[misc]
        with pytest.raises(RegistryTrouble):
            clients().manifest("none")
        assert len(server.asked) == 1
    assert clients.pauses == []


def test_a_registry_that_does_not_answer_is_given_up(
    clients: Clients, server: RegistryServer
) -> None:
    server.behave = server.hang
    with pytest.raises(RegistryTrouble, match="doesn't answer"):
        clients().manifest("none")
    assert len(server.asked) == 3


def test_a_registry_that_is_not_there_is_trouble(clients: Clients) -> None:
    with pytest.raises(RegistryTrouble, match="localhost:1 doesn't answer"):
        clients(host="localhost:1").manifest("none")


def test_what_the_registry_says_of_trouble_is_passed_on(
    clients: Clients, server: RegistryServer
) -> None:
    said = json.dumps({"errors": [{"code": "DENIED", "message": "quota"}]}).encode()
    server.behave = lambda _asked: Answer(403, said)
    with pytest.raises(RegistryTrouble, match="DENIED: quota"):
        clients().manifest("none")


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"errors": [{}]}', b'{"errors": []}', b"\xff"])
def test_an_error_in_no_known_form_is_still_an_error(
    clients: Clients, server: RegistryServer, body: bytes
) -> None:
    server.behave = lambda _asked: Answer(400, body)
    with pytest.raises(RegistryTrouble, match="status 400"):
        clients().manifest("none")


# --- redirects ------------------------------------------------------------------------------------


def redirecting(to: str) -> Behaviour:
    def behave(asked: Asked) -> Answer | None:
        return Answer(307, headers={"Location": to}) if asked.path.startswith("/v2/") else None

    return behave


def test_a_redirect_within_this_machine_is_followed_without_credentials(
    clients: Clients, server: RegistryServer
) -> None:
    credentials = knowing(server.host)
    with serving(RegistryServer(behave=lambda _asked: Answer(body=CONTENT))) as storage:
        challenge = Answer(401, headers={"WWW-Authenticate": "Basic"})
        away = redirecting(f"http://{storage.host}/signed?secret")
        server.behave = lambda asked: away(asked) if "Authorization" in asked.headers else challenge
        assert fetched(clients(credentials=credentials)) == CONTENT
        (asked,) = storage.asked
    assert "Authorization" not in asked.headers
    assert "Authorization" in server.asked[-1].headers


@pytest.mark.parametrize(
    "to",
    ["http://storage.example.com/x", "https://example.com/x", "file:///etc/passwd", "ftp://h/x"],
)
def test_a_registry_on_this_machine_sends_us_nowhere_else(
    clients: Clients, server: RegistryServer, to: str
) -> None:
    server.behave = redirecting(to)
    with pytest.raises(RegistryTrouble, match="isn't safe"):
        fetched(clients())


def test_redirects_end(clients: Clients, server: RegistryServer) -> None:
    server.behave = redirecting("/v2/again")
    with pytest.raises(RegistryTrouble, match="on and on"):
        fetched(clients())
    assert len(server.asked) == 4


def test_what_is_sent_is_not_redirected(clients: Clients, server: RegistryServer) -> None:
    server.behave = lambda asked: Answer(307, headers={"Location": "/x"}) if asked.writes else None
    with pytest.raises(RegistryTrouble, match="redirects what it is sent"):
        push(clients())


# --- logging in -----------------------------------------------------------------------------------


def guarded(header: str, challenge: str) -> Behaviour:
    """Lets in whoever has this header."""

    def behave(asked: Asked) -> Answer | None:
        if asked.path.startswith("/v2/") and asked.headers.get("Authorization") != header:
            return Answer(401, headers={"WWW-Authenticate": challenge})
        if asked.path == "/token":
            return Answer(body=b'{"token": "t1"}')
        return None

    return behave


BASIC = f"Basic {base64.b64encode(b'me:secret').decode()}"


def test_basic_authentication(clients: Clients, server: RegistryServer) -> None:
    server.behave = guarded(BASIC, 'Basic realm="x"')
    client = clients(credentials=knowing(server.host))
    assert client.manifest("none") is None
    assert client.manifest("none") is None
    assert len(server.asked) == 3, "the second request knows the way"


def test_a_token_is_asked_for_with_the_credentials_and_the_scope(
    clients: Clients, server: RegistryServer
) -> None:
    realm = f'Bearer realm="http://{server.host}/token",service="registry"'
    server.behave = guarded("Bearer t1", realm)
    assert push(clients(credentials=knowing(server.host)))
    (asked,) = [one for one in server.asked if one.path == "/token"]
    assert asked.headers["Authorization"] == BASIC
    assert asked.query == {"service": "registry", "scope": f"repository:{REPOSITORY}:pull,push"}


def test_an_identity_token_is_exchanged(clients: Clients, server: RegistryServer) -> None:
    server.behave = guarded("Bearer t1", f'Bearer realm="http://{server.host}/token",service="s"')
    token = Credential(identity_token="mine")  # noqa: S106
    assert clients(credentials=lambda _host: token).manifest("none") is None
    (asked,) = [one for one in server.asked if one.path == "/token"]
    assert asked.method == "POST"
    assert b"grant_type=refresh_token" in asked.body
    assert b"refresh_token=mine" in asked.body


def test_tls_is_checked(clients: Clients, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "certificate")],
        capture_output=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "certificate", tmp_path / "key")
    with serving(RegistryServer(), tls) as safe:

        def client() -> RegistryClient:
            repository = Repository(safe.host, REPOSITORY)
            patience = Patience(tries=1)
            wire = Wire(repository, no_credentials, (), patience=patience, environment={})
            clients.made.append(RegistryClient(wire))
            return clients.made[-1]

        with pytest.raises(RegistryTrouble, match="CERTIFICATE_VERIFY_FAILED"):
            client().manifest("none")
        assert safe.asked == []
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate"))
        assert client().manifest("none") is None


def test_an_anonymous_token_is_asked_for_without_credentials(
    clients: Clients, server: RegistryServer
) -> None:
    server.behave = guarded("Bearer t1", f'Bearer realm="http://{server.host}/token"')
    assert clients().manifest("none") is None
    (asked,) = [one for one in server.asked if one.path == "/token"]
    assert "Authorization" not in asked.headers


@pytest.mark.parametrize("realm", ["http://evil.example.com/token", "ftp://x/", "file:///x", ""])
def test_credentials_go_to_no_unsafe_token_server(
    clients: Clients, server: RegistryServer, realm: str
) -> None:
    server.behave = guarded("Bearer t1", f'Bearer realm="{realm}"')
    with pytest.raises(RegistryTrouble, match="unsafe token server"):
        clients(credentials=knowing(server.host)).manifest("none")


def test_wrong_credentials_are_tried_once_and_not_printed(
    clients: Clients, server: RegistryServer
) -> None:
    server.behave = guarded("Basic other", "Basic")
    with pytest.raises(RegistryTrouble) as refused:
        clients(credentials=knowing(server.host)).manifest("none")
    assert refused.value.status == 401
    assert "docker login" in refused.value.hint
    assert "secret" not in str(refused.value) + refused.value.hint
    assert len(server.asked) == 2


def test_a_token_server_that_refuses_is_a_refusal(clients: Clients, server: RegistryServer) -> None:
    guard = guarded("Bearer t1", f'Bearer realm="http://{server.host}/token"')
    server.behave = lambda asked: Answer(403) if asked.path == "/token" else guard(asked)
    with pytest.raises(RegistryTrouble) as refused:
        clients().manifest("none")
    assert refused.value.status == 401


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"token": 1}', b'{"token": "a\\nb: c"}'])
def test_a_token_that_is_none_is_a_refusal(
    clients: Clients, server: RegistryServer, body: bytes
) -> None:
    guard = guarded("Bearer t1", f'Bearer realm="http://{server.host}/token"')
    server.behave = lambda asked: Answer(body=body) if asked.path == "/token" else guard(asked)
    with pytest.raises(RegistryTrouble, match="doesn't let us in"):
        clients().manifest("none")


def test_a_token_that_has_run_out_is_renewed(clients: Clients, server: RegistryServer) -> None:
    tokens = iter(["t1", "t2"])
    valid = ["t1"]

    def behave(asked: Asked) -> Answer | None:
        if asked.path == "/token":
            return Answer(body=json.dumps({"token": next(tokens)}).encode())
        if asked.headers.get("Authorization") != f"Bearer {valid[0]}":
            challenge = f'Bearer realm="http://{server.host}/token"'
            return Answer(401, headers={"WWW-Authenticate": challenge})
        return None

    server.behave = behave
    client = clients()
    assert client.manifest("none") is None
    valid[0] = "t2"
    assert push(client)


def test_opening_asks_for_the_right_to_read_alone(server: RegistryServer) -> None:
    server.behave = guarded("Bearer t1", f'Bearer realm="http://{server.host}/token"')
    opened = partial(open_client, Repository.at(server.host, REPOSITORY), {"HOME": "/nowhere"})
    for client in (opened(), opened(write=True, mounts=("team/other",))):
        client.manifest("none")
        client.close()
    scopes = [one.target for one in server.asked if one.path == "/token"]
    assert "pull%2Cpush" not in scopes[0]
    assert "pull%2Cpush" in scopes[1]
    assert "team%2Fother%3Apull" in scopes[1]
