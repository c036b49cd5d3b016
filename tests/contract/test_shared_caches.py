"""What every `SharedCache` owes: the double, and a registry over HTTP."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from buildsys.execution.ports import ActionRecord, SharedCache
from buildsys.model.action import ActionResult, Blob
from buildsys.model.digest import ActionKey, ImageDigest
from buildsys.registry.client import RegistryClient
from buildsys.registry.credentials import no_credentials
from buildsys.registry.place import Place
from buildsys.registry.publisher import Publisher
from buildsys.registry.repository import Repository
from buildsys.registry.shared_cache import RegistryCache
from buildsys.registry.signing import SignedBy
from buildsys.registry.wire import Patience, Wire
from tests.fake_shared import FakeShared, Team
from tests.fakes import MemoryStore, blob_path, tar_of
from tests.registry_server import Answer, RegistryServer, serving

KEY, OTHER_KEY = ActionKey("1" * 64), ActionKey("2" * 64)
PATIENCE = Patience(connect_s=5, answer_s=5, tries=2, pause_s=0)


@dataclass
class Machine:
    """A machine with a store of its own, on the way to what is shared."""

    store: MemoryStore
    shared: SharedCache
    warnings: list[str]

    def made(self, text: bytes, key: ActionKey = KEY) -> ActionRecord:
        """A result that is stored here."""

        def pack(into: object) -> None:
            into.write(tar_of({"file": text}))  # type: ignore[attr-defined]

        blobs = self.store.sealed(pack)
        result = ActionResult(ImageDigest(blobs[0].digest), blobs, len(text), 1.5)
        record = ActionRecord(key, {"schema": 1}, result, {"host": "a", "commit": "c"})
        self.store.put(record)
        return record

    def publishes(self, text: bytes, key: ActionKey = KEY) -> ActionRecord:
        record = self.made(text, key)
        self.shared.publish(record)
        assert self.shared.published() == ()
        return record

    def fetches(self, key: ActionKey = KEY) -> tuple[Blob, ...] | None:
        """Find and fetch all of a result into the store here."""
        (found,) = self.shared.find([key]).values()
        with self.store.exporting() as folder:
            if not self.shared.fetch(found, found.result.blobs, folder):
                return None
            return self.store.adopt(folder, found.result.digest)


@dataclass
class World:
    """Makes machines, and does harm to what they share."""

    machine: Callable[..., Machine]
    damage: Callable[[Blob, bytes | None], None]
    """Replaces a blob by other bytes, or takes it away."""
    break_down: Callable[[], None]
    moved: Callable[[], int]
    """How many blobs were read so far."""


@dataclass
class _Worlds:
    folder: Path
    count: int = 0
    clients: list[RegistryClient] = field(default_factory=list)

    def store(self) -> MemoryStore:
        self.count += 1
        return MemoryStore(str(self.folder / f"machine{self.count}"))


def _in_memory(worlds: _Worlds) -> World:
    team = Team()

    def machine(*, writes: bool = True) -> Machine:
        store = worlds.store()
        return Machine(store, FakeShared(team, store.layout, writes), [])

    def damage(blob: Blob, content: bytes | None) -> None:
        if content is None:
            del team.blobs[blob.digest]
        else:
            team.blobs[blob.digest] = content

    return World(
        machine, damage, lambda: setattr(team, "reachable", False), lambda: len(team.fetched)
    )


def _over_http(worlds: _Worlds, server: RegistryServer) -> World:
    name = "team/cache"
    repository = Repository.at(server.host, name)

    def client() -> RegistryClient:
        wire = Wire(repository, no_credentials, (), patience=PATIENCE, environment={})
        worlds.clients.append(RegistryClient(wire))
        return worlds.clients[-1]

    def machine(*, writes: bool = True) -> Machine:
        store, warnings = worlds.store(), list[str]()
        place = Place("", client(), client(), SignedBy(()))
        path_of = lambda digest: blob_path(store.layout, digest)  # noqa: E731
        publisher = Publisher(place, path_of, warnings.append) if writes else None
        return Machine(store, RegistryCache([place], publisher, warnings.append), warnings)

    def damage(blob: Blob, content: bytes | None) -> None:
        kept = server.store(name)
        if content is None:
            kept.blobs.pop(blob.digest, None)
            kept.manifests.pop(blob.digest, None)
        elif blob.digest in kept.blobs:
            kept.blobs[blob.digest] = content
        else:
            kept.manifests[blob.digest] = (kept.manifests[blob.digest][0], content)

    def break_down() -> None:
        server.behave = lambda _asked: Answer(500)

    def moved() -> int:
        return sum(a.method == "GET" and "sha256:" in a.path for a in server.asked)

    return World(machine, damage, break_down, moved)


@pytest.fixture(params=["memory", "registry"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    worlds = _Worlds(tmp_path)
    if request.param == "memory":
        yield _in_memory(worlds)
        return
    with serving(RegistryServer()) as server:
        yield _over_http(worlds, server)
        for client in worlds.clients:
            client.close()


def test_what_nobody_shared_is_not_found(world: World) -> None:
    machine = world.machine()
    assert machine.shared.find([KEY, OTHER_KEY]) == {}
    assert machine.shared.find([]) == {}
    assert machine.shared.in_reach


def test_another_machine_finds_what_was_published_with_who_made_it(world: World) -> None:
    record = world.machine().publishes(b"x")
    other = world.machine(writes=False)
    found = other.shared.find([OTHER_KEY, KEY])
    assert set(found) == {KEY}
    assert found[KEY].key == KEY
    assert found[KEY].result == record.result
    assert dict(found[KEY].made_by).items() >= {"host": "a", "commit": "c"}.items()


def test_finding_moves_no_bytes(world: World) -> None:
    world.machine().publishes(b"x")
    world.machine().shared.find([KEY])
    assert world.moved() == 0


def test_what_is_fetched_is_the_image_that_was_published(world: World) -> None:
    a, b = world.machine(), world.machine()
    record = a.publishes(b"x")
    assert b.fetches() == record.result.blobs
    for blob in record.result.blobs:
        assert (
            Path(blob_path(b.store.layout, blob.digest)).read_bytes()
            == Path(blob_path(a.store.layout, blob.digest)).read_bytes()
        )


def test_only_what_is_lacking_is_fetched(world: World) -> None:
    a, b = world.machine(), world.machine()
    record = a.publishes(b"x")
    (found,) = b.shared.find([KEY]).values()
    with b.store.exporting() as folder:
        assert b.shared.fetch(found, record.result.blobs[2:], folder)
        assert os.listdir(os.path.join(folder, "blobs", "sha256")) == [
            record.result.blobs[2].digest.removeprefix("sha256:")
        ]
    assert world.moved() == 1


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("content", [None, b"", b"other bytes"])
def test_a_blob_that_is_gone_or_wrong_is_a_miss_from_then_on(
    world: World, which: int, content: bytes | None
) -> None:
    record = world.machine().publishes(b"x")
    world.machine().publishes(b"y", OTHER_KEY)
    world.damage(record.result.blobs[which], content)
    other = world.machine(writes=False)
    assert other.fetches() is None
    assert other.shared.find([KEY]) == {}
    assert other.shared.in_reach
    assert set(other.shared.find([OTHER_KEY])) == {OTHER_KEY}


@pytest.mark.parametrize("content", [None, b"other bytes"])
@pytest.mark.parametrize("text", [b"x", b"another x"])
def test_what_was_found_damaged_is_made_whole_by_whoever_makes_it_anew(
    world: World, content: bytes | None, text: bytes
) -> None:
    record = world.machine().publishes(b"x")
    world.damage(record.result.blobs[2], content)
    second = world.machine()
    assert second.fetches() is None
    second.publishes(text)
    assert world.machine().fetches() == second.made(text).result.blobs


def test_the_first_one_wins_and_the_second_one_is_told(world: World) -> None:
    first, second = world.machine(), world.machine()
    second.shared.find([KEY])
    theirs = first.publishes(b"x")
    second.shared.publish(second.made(b"y"))
    (told,) = second.shared.published()
    assert (told.key, told.result) == (KEY, theirs.result)
    assert second.shared.published() == ()
    (holds,) = world.machine().shared.find([KEY]).values()
    assert holds.result == theirs.result
    with second.store.exporting() as folder:
        assert second.shared.fetch(told, told.result.blobs, folder)


def test_the_same_result_twice_is_no_race(world: World) -> None:
    world.machine().publishes(b"x")
    world.machine().publishes(b"x")


def test_who_only_reads_writes_nothing(world: World) -> None:
    reader = world.machine(writes=False)
    reader.shared.publish(reader.made(b"x"))
    assert reader.shared.published() == ()
    assert world.machine().shared.find([KEY]) == {}


def test_trouble_is_a_miss_and_nothing_is_raised(world: World) -> None:
    world.machine().publishes(b"x")
    machine, late = world.machine(), world.machine()
    (found,) = late.shared.find([KEY]).values()
    world.break_down()
    assert machine.shared.find([KEY, OTHER_KEY, ActionKey("3" * 64)]) == {}
    assert not machine.shared.in_reach
    with late.store.exporting() as folder:
        assert not late.shared.fetch(found, found.result.blobs, folder)
    machine.shared.publish(machine.made(b"y", OTHER_KEY))
    assert machine.shared.published() == ()
