"""The caches of a command: opened when they are needed, asked for what isn't here, given what is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import pytest

from buildsys.caching import Caches
from buildsys.errors import MachineError, ResultLost
from buildsys.execution.bases import KnownBase, bootstrap_key
from buildsys.execution.lookup import look_up, status_of
from buildsys.execution.modes import CacheModes
from buildsys.execution.ports import ActionRecord
from buildsys.keys.keying import KeyedTarget, keyed
from buildsys.machine import Machine
from buildsys.model.action import ActionResult, Manifest
from buildsys.model.digest import ActionKey, ImageDigest
from buildsys.model.target import Base, Bootstrap, CacheSettings
from tests.builds import BASE, service, source_files
from tests.fakes import DictFiles, RecordingSink, tar_of
from tests.registry_server import Answer, RegistryServer, serving

ALPINE = Base(BASE, "docker.io/library/alpine:3", Bootstrap(("busybox-static",)))
API = service("api")


@dataclass
class Place:
    """One machine's caches, with a registry between all of them."""

    caches: Caches
    sink: RecordingSink = field(default_factory=RecordingSink)

    def store(self, key: ActionKey, manifest: Manifest, text: str) -> ActionResult:
        def pack(into: BinaryIO) -> None:
            into.write(tar_of({"file": text.encode()}))

        store = self.caches.machine.store
        blobs = store.sealed(pack)
        result = ActionResult(ImageDigest(blobs[0].digest), blobs, len(text))
        store.put(ActionRecord(key, manifest, result, {"host": "a"}))
        return result

    def keyed(self, digest: str) -> KeyedTarget:
        files = DictFiles(source_files("go.mod", "cmd/api/main.go"))
        (target,) = keyed([API], files, {BASE: digest})
        return target

    def stored(self) -> KeyedTarget:
        """A target with its base, all of it stored here."""
        assert ALPINE.bootstrap is not None
        key = bootstrap_key(ALPINE.bootstrap, self.caches.machine.platform)
        target = self.keyed(self.store(key, {}, "base").digest)
        for layer in target.layers:
            self.store(layer.key, layer.manifest, layer.action.layer)
        return target


class Places:
    def __init__(self, folder: Path, host: str) -> None:
        self.folder = folder
        self.settings = CacheSettings(f"{host}/team/cache")
        self.count = 0

    def __call__(self, mode: str = "remote:rw") -> Place:
        self.count += 1
        sink = RecordingSink()
        environment = {
            "BS_CACHE_DIR": str(self.folder / f"machine{self.count}"),
            "HOME": str(self.folder),
        }
        machine = Machine(environment, sink)
        return Place(Caches(machine, self.settings, CacheModes.parse(mode), dict), sink)


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    with serving(RegistryServer()) as running:
        yield running


@pytest.fixture
def places(tmp_path: Path, server: RegistryServer) -> Places:
    return Places(tmp_path, server.host)


pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


def test_what_is_stored_is_shared_with_its_base_and_only_once(
    places: Places, server: RegistryServer
) -> None:
    place = places()
    target = place.stored()
    assert place.caches.share([target], {BASE: ALPINE, "other": ALPINE}) == 4
    tags = {tag for tag in server.store("team/cache").manifests if tag.startswith("bs-")}
    assert len(tags) == 4
    server.asked.clear()
    again = places()
    again.stored()
    assert again.caches.share([target], {BASE: ALPINE}) == 4
    assert server.written == []


def test_nobody_shares_who_may_only_read(places: Places, server: RegistryServer) -> None:
    place = places("remote:r")
    assert place.caches.share([place.stored()], {BASE: ALPINE}) == 0
    assert server.asked == []


def test_a_base_that_others_made_is_known_with_its_digest(places: Places) -> None:
    first = places()
    target = first.stored()
    first.caches.share([target], {BASE: ALPINE})
    other = places("remote:r")
    missing = {BASE: KnownBase(ALPINE, None, "missing")}

    def keyed_on(bases: Mapping[str, KnownBase]) -> tuple[KeyedTarget, ...]:
        digests = {n: known.reference for n, known in bases.items() if known.reference is not None}
        return keyed([API], DictFiles(source_files("go.mod", "cmd/api/main.go")), digests)

    targets, bases = other.caches.keyed(missing, keyed_on)
    assert [layer.key for layer in targets[0].layers] == [layer.key for layer in target.layers]
    assert bases[BASE].origin == "bootstrap"
    assert other.caches.sharing is not None
    other.caches.sharing.take_bases([str(bases[BASE].reference)])
    assert [one.result.digest for one in other.caches.machine.store.records()] == [
        bases[BASE].reference
    ]


def test_a_base_is_no_longer_known_once_the_registry_is_lost(
    places: Places, server: RegistryServer
) -> None:
    first = places()
    first.caches.share([first.stored()], {BASE: ALPINE})
    other = places("remote:r")
    (known,) = other.caches.shared_bases([ALPINE]).values()
    other.caches.lose()
    assert other.caches.shared_bases([ALPINE]), "it isn't lost yet"
    server.behave = lambda _asked: Answer(403)
    assert other.caches.sharing is not None
    with pytest.raises(ResultLost):
        other.caches.sharing.take_bases([str(known.reference)])
    other.caches.lose()
    assert other.caches.shared_bases([ALPINE]) == {}


def test_an_image_is_fetched_for_a_command_that_needs_it(
    places: Places, server: RegistryServer
) -> None:
    first = places()
    target = first.stored()
    first.caches.share([target], {BASE: ALPINE})
    other = places("remote:r")
    caches, store = other.caches, other.caches.machine.store
    lookup = look_up([target], caches.local, shared=caches.shared)
    status = status_of(target, lookup, caches.local, lambda _label, _layer: None)
    image = caches.have(status, [target])
    assert all(store.has(blob) for blob in image.blobs)
    assert [record.key for record in store.records()] == [target.image.key]
    server.asked.clear()
    assert caches.have(status, [target]) == image
    assert server.asked == []


def test_an_image_that_nobody_has_is_said_to_be_missing(places: Places) -> None:
    place = places()
    target = place.keyed("sha256:" + "a" * 64)
    lookup = look_up([target], place.caches.local, shared=place.caches.shared)
    status = status_of(target, lookup, place.caches.local, lambda _label, _layer: None)
    with pytest.raises(MachineError, match="is missing"):
        place.caches.have(status, [target])


def test_the_cache_is_opened_when_something_is_missed(places: Places) -> None:
    place = places("remote:r")
    target = place.stored()
    caches = place.caches
    look_up([target], caches.local, shared=caches.shared)
    assert not caches.asked
    look_up([place.keyed("sha256:" + "a" * 64)], caches.local, shared=caches.shared)
    assert caches.asked


@pytest.mark.parametrize(
    ("mode", "plain"), [("remote:off", True), ("remote:r", False), ("remote:off,local:r", False)]
)
def test_an_answer_is_plain_if_the_store_alone_decides(
    places: Places, mode: str, *, plain: bool
) -> None:
    assert places(mode).caches.plain == plain


def test_the_environment_names_the_registry_before_the_workspace_does(
    places: Places, server: RegistryServer
) -> None:
    place = places()
    environment = {**place.caches.machine.environment, "BS_CACHE_REGISTRY": f"{server.host}/other"}
    machine = Machine(environment, place.sink)
    caches = Caches(machine, places.settings, place.caches.modes, dict)
    assert caches.shared is not None
    caches.shared.find([ActionKey("1" * 64)])
    assert server.asked[0].path.startswith("/v2/other/")
