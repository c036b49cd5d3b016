"""The shared cache as the workspace and the environment name it: places, rights, and trouble at the wire."""

import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest

from buildsys.errors import UsageError
from buildsys.execution.modes import Access, CacheModes, LimitedCache
from buildsys.execution.ports import ActionRecord
from buildsys.model.action import ActionResult
from buildsys.model.digest import ActionKey, ImageDigest
from buildsys.model.target import CacheSettings
from buildsys.registry.opening import Opening, open_shared
from buildsys.registry.shared_cache import RegistryCache
from buildsys.registry.signing import SigningKey
from tests.fakes import MemoryStore, blob_path, tar_of
from tests.registry_server import Answer, Asked, RegistryServer

KEYS = [ActionKey(f"{number:064x}") for number in range(300)]
KEY = KEYS[0]
READS, WRITES = Access(read=True, write=False), Access(read=True, write=True)


class Machines:
    """Opens the cache of one registry, for machines with a store each."""

    def __init__(self, folder: Path, host: str) -> None:
        self.folder = folder
        self.host = host
        self.warnings: list[str] = []
        self.stores: list[MemoryStore] = []

    def __call__(
        self,
        access: Access = WRITES,
        settings: CacheSettings | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> RegistryCache:
        store = MemoryStore(str(self.folder / str(len(self.stores))))
        self.stores.append(store)
        opening = Opening(
            {"HOME": str(self.folder), **(environment or {})},
            lambda digest: blob_path(store.layout, digest),
            self.warnings.append,
            lambda: {"buildkit": "v1"},
        )
        return open_shared(settings or CacheSettings(f"{self.host}/team/cache"), access, opening)

    def publish(self, cache: RegistryCache, text: bytes = b"x", key: ActionKey = KEY) -> None:
        def pack(into: BinaryIO) -> None:
            into.write(tar_of({"file": text}))

        blobs = self.stores[-1].sealed(pack)
        result = ActionResult(ImageDigest(blobs[0].digest), blobs, 1)
        cache.publish(ActionRecord(key, {}, result, {"host": "a"}))
        assert cache.published() == ()


@pytest.fixture
def machines(tmp_path: Path, server: RegistryServer) -> Machines:
    return Machines(tmp_path, server.host)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
class TestPlaces:
    def test_who_only_reads_sends_nothing_that_writes(
        self, machines: Machines, server: RegistryServer
    ) -> None:
        cache = machines(READS)
        machines.publish(cache)
        cache.find(KEYS[:3])
        assert server.written == []

    def test_the_maker_is_told_with_what_is_known_late(self, machines: Machines) -> None:
        machines.publish(machines())
        (found,) = machines().find([KEY]).values()
        assert found.made_by == {"host": "a", "buildkit": "v1"}

    def test_a_pull_request_reads_the_main_line_and_writes_its_own(
        self, machines: Machines, server: RegistryServer
    ) -> None:
        machines.publish(machines(), key=KEYS[1])
        server.asked.clear()
        own = {"BS_CACHE_NAMESPACE": "pr-1"}
        cache = machines(environment=own)
        assert set(cache.find(KEYS[:3])) == {KEYS[1]}
        machines.publish(cache)
        assert {asked.path.split("/")[4] for asked in server.written} == {"pr-1"}
        assert set(machines(environment=own).find(KEYS[:2])) == {KEY, KEYS[1]}
        assert set(machines().find(KEYS[:2])) == {KEYS[1]}
        assert set(machines(environment={"BS_CACHE_NAMESPACE": "pr-2"}).find(KEYS[:2])) == {KEYS[1]}

    def test_a_record_of_a_pull_request_does_not_count_at_the_main_line(
        self, machines: Machines, server: RegistryServer
    ) -> None:
        machines.publish(machines(environment={"BS_CACHE_NAMESPACE": "pr-1"}))
        server.stores["team/cache"] = server.stores["team/cache/pr-1"]
        assert machines().find([KEY]) == {}
        assert "another key" in machines.warnings[0]

    def test_blobs_of_the_main_line_are_mounted_by_a_pull_request(
        self, machines: Machines, server: RegistryServer
    ) -> None:
        machines.publish(machines(), key=KEYS[1])
        server.asked.clear()
        machines.publish(machines(environment={"BS_CACHE_NAMESPACE": "pr-1"}))
        assert [asked.method for asked in server.written] == ["POST", "POST", "PUT", "PUT"]

    @pytest.mark.parametrize("namespace", ["../x", "A", "a/b", "-a", "a b", "a?"])
    def test_a_namespace_is_a_name(self, machines: Machines, namespace: str) -> None:
        with pytest.raises(UsageError, match="namespace"):
            machines(environment={"BS_CACHE_NAMESPACE": namespace})

    def test_results_share_layers_and_each_is_sent_once(
        self, machines: Machines, server: RegistryServer
    ) -> None:
        cache = machines()
        for key in KEYS[:5]:
            machines.publish(cache, b"the same", key)
        sent = [asked.query["digest"] for asked in server.written if "digest" in asked.query]
        assert len(sent) == len(set(sent)) == 2


@pytest.mark.filterwarnings("ignore::ResourceWarning")
class TestTrust:
    def test_nobody_without_a_trusted_key_writes(
        self, machines: Machines, server: RegistryServer
    ) -> None:
        trusted, other = SigningKey.generate(), SigningKey.generate()
        settings = CacheSettings(f"{machines.host}/team/cache", (trusted.public,))
        for environment in ({}, {"BS_CACHE_SIGNING_KEY": other.pem().decode()}):
            machines.publish(machines(settings=settings, environment=environment))
        assert server.written == []
        assert len(machines.warnings) == 2
        signing = {"BS_CACHE_SIGNING_KEY": trusted.pem().decode()}
        machines.publish(machines(settings=settings, environment=signing))
        assert set(machines(READS, settings).find([KEY])) == {KEY}

    def test_what_is_not_signed_is_a_miss_said_once_and_written_over(
        self, machines: Machines
    ) -> None:
        for key in KEYS[:9]:
            machines.publish(machines(), key=key)
        trusted = SigningKey.generate()
        settings = CacheSettings(f"{machines.host}/team/cache", (trusted.public,))
        signing = {"BS_CACHE_SIGNING_KEY": trusted.pem().decode()}
        cache = machines(settings=settings, environment=signing)
        assert cache.find(KEYS[:9]) == {}
        (warning,) = machines.warnings
        assert "it isn't signed" in warning
        machines.publish(cache, b"mine")
        assert set(machines(READS, settings).find(KEYS[:9])) == {KEY}

    def test_pull_requests_have_keys_of_their_own(self, machines: Machines) -> None:
        main, theirs = SigningKey.generate(), SigningKey.generate()
        settings = CacheSettings(f"{machines.host}/team/cache", (main.public,), (theirs.public,))
        own = {"BS_CACHE_NAMESPACE": "pr-1", "BS_CACHE_SIGNING_KEY": theirs.pem().decode()}
        machines.publish(machines(settings=settings, environment=own))
        reading = machines(READS, settings, {"BS_CACHE_NAMESPACE": "pr-1"})
        assert set(reading.find([KEY])) == {KEY}
        assert machines(READS, settings).find([KEY]) == {}

    def test_a_key_file_that_is_not_there_is_said(self, machines: Machines) -> None:
        with pytest.raises(UsageError, match="can't read"):
            machines(environment={"BS_CACHE_SIGNING_KEY_FILE": "/nowhere/key"})


ONCE = [
    Answer(401, headers={"WWW-Authenticate": "Basic"}),
    Answer(403),
    Answer(429, headers={"Retry-After": "60"}),
    Answer(307, headers={"Location": "http://elsewhere.example.com/"}),
    Answer(307, headers={"Location": "http://["}),
    Answer(200, b"x" * 100, {"Content-Length": "100"}, sent=10),
]


@pytest.mark.filterwarnings("ignore::ResourceWarning")
class TestTrouble:
    @pytest.mark.parametrize("answer", [*ONCE, Answer(500), Answer(503), Answer(400)])
    def test_trouble_costs_few_requests_and_one_warning(
        self, machines: Machines, server: RegistryServer, answer: Answer
    ) -> None:
        server.behave = lambda _asked: answer
        cache = machines()
        assert cache.find(KEYS) == {}
        assert not cache.in_reach
        (warning,) = machines.warnings
        assert "isn't asked for the rest of this build" in warning
        asked = len(server.asked)
        assert asked <= 96, "each thread may be in the middle of something"
        assert cache.find(KEYS) == {}
        machines.publish(cache)
        assert len(server.asked) == asked

    @pytest.mark.parametrize(
        "raw", [b"", b"\x00\xff" * 50, b"HTTP/1.1 banana\r\n\r\n", b"SSH-2.0\r\n"]
    )
    def test_what_speaks_no_http_is_trouble(self, machines: Machines, raw: bytes) -> None:
        with babbling(raw) as host:
            cache = machines(settings=CacheSettings(f"{host}/team/cache"))
            assert cache.find(KEYS) == {}
        assert len(machines.warnings) == 1

    def test_a_registry_that_does_not_answer_is_not_waited_for_for_long(
        self, machines: Machines, server: RegistryServer
    ) -> None:
        server.behave = server.hang
        cache = machines()
        cache._left_s = 0.3
        assert cache.find(KEYS) == {}
        assert "0 of 300 questions" in machines.warnings[0]
        assert not cache.in_reach

    def test_a_registry_that_may_not_be_written_is_still_read(
        self, machines: Machines, server: RegistryServer
    ) -> None:
        machines.publish(machines())
        server.behave = lambda asked: Answer(403) if asked.writes else None
        cache = machines()
        for key in KEYS[1:4]:
            machines.publish(cache, key=key)
        assert set(cache.find(KEYS[:4])) == {KEY}
        (warning,) = machines.warnings
        assert "nothing is put into the shared cache" in warning

    def test_stopping_gives_up_what_is_fetched(
        self, machines: Machines, server: RegistryServer, tmp_path: Path
    ) -> None:
        machines.publish(machines())
        cache = machines()
        (found,) = cache.find([KEY]).values()
        begun = threading.Event()

        def hang(asked: Asked) -> Answer:
            begun.set()
            return server.hang(asked)

        server.behave = hang
        os.makedirs(tmp_path / "blobs/sha256")
        gave: list[bool] = []

        def fetch() -> None:
            gave.append(cache.fetch(found, found.result.blobs[1:], str(tmp_path)))

        fetching = threading.Thread(target=fetch)
        fetching.start()
        assert begun.wait(20)
        cache.cancel()
        fetching.join(20)
        assert gave == [False]


@contextmanager
def babbling(raw: bytes) -> Iterator[str]:
    """A server that says this to everybody, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(raw)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"localhost:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(20)


# --- modes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "local", "remote"),
    [
        ("", "rw", "r"),
        ("remote:rw", "rw", "rw"),
        ("remote:off,local:r", "r", "off"),
        ("local:off", "off", "r"),
        ("local:rw,remote:r", "rw", "r"),
    ],
)
def test_modes(text: str, local: str, remote: str) -> None:
    modes = CacheModes.parse(text)
    assert (modes.local, modes.remote) == (Access.parse(local), Access.parse(remote))


@pytest.mark.parametrize("text", ["remote", "remote:w", "local:", "disk:rw", "remote:rw;local:r"])
def test_modes_that_are_none(text: str) -> None:
    with pytest.raises(UsageError):
        CacheModes.parse(text)


def test_a_cache_of_which_not_all_may_be_used(memory_store: MemoryStore) -> None:
    def limited(mode: str) -> LimitedCache:
        return LimitedCache(memory_store, Access.parse(mode))

    blobs = memory_store.sealed(_nothing)
    record = ActionRecord(KEY, {"a": 1}, ActionResult(ImageDigest(blobs[0].digest), blobs, 1), {})
    limited("r").put(record)
    limited("off").put(record)
    assert memory_store.records == {}
    memory_store.put(record)
    limited("r").forget(KEY)
    assert limited("r").get(KEY) == record.result
    assert limited("off").get(KEY) is None
    assert limited("off").manifest(KEY) == {"a": 1}


def _nothing(into: BinaryIO) -> None:
    into.write(tar_of({}))
