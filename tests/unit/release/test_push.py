"""Pushing: all images or none, each byte once, and what is there costs one request."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from buildsys.errors import MachineError
from buildsys.images.stored import StoredImage
from buildsys.model.digest import digest_of
from buildsys.model.label import Label
from buildsys.registry.client import RegistryClient, open_client
from buildsys.registry.repository import Repository
from buildsys.registry.wire import Patience
from buildsys.release.artifacts import Document, referrers_tag
from buildsys.release.compression import packed
from buildsys.release.index import index_of
from buildsys.release.order import Compression
from buildsys.release.push import Push
from buildsys.release.pushed import PushedImages
from buildsys.release.shipment import Delivered, Shipment
from tests.registry_server import Answer, Asked, RegistryServer, serving
from tests.unit.store.support import Place, seal

BILL = Document("application/spdx+json", b"bill")
HOW = Document("application/vnd.in-toto+json", b"how", {"in-toto.io/predicate-type": "slsa"})


class Shop:
    """Images to push, a registry to push them to, and what is known of it here."""

    def __init__(self, folder: Path, server: RegistryServer) -> None:
        self.server = server
        self.store = Place(str(folder / "store")).store()
        self.scratch = str(folder)
        self.known = PushedImages(str(folder / "pushed"))

    def shipment(self, name: str, *tags: str, content: bytes = b"") -> Shipment:
        stored = StoredImage(self.store.blobs, seal(self.store, {"file": content or name.encode()}))
        return Shipment(
            Label.parse(f"//cmd/{name}"),
            Repository.at(self.server.host, f"shop/{name}"),
            tags,
            packed(stored, Compression.ZSTD, self.scratch),
            lambda: (BILL, HOW),
        )

    def index(self, name: str, *tags: str) -> Shipment:
        """Images for two platforms under one reference."""
        parts = {
            platform: replace(self.shipment(name, content=platform.encode()), platform=platform)
            for platform in ("linux/amd64", "linux/arm64")
        }
        index = index_of({platform: part.image for platform, part in parts.items()})
        one = parts["linux/amd64"]
        return replace(
            one, tags=tags, image=index, make_documents=tuple, parts=tuple(parts.values())
        )

    def push(
        self, *shipments: Shipment, sign: Callable[[Shipment], None] | None = None
    ) -> list[Delivered]:
        return Push(shipments, connect, self.known, sign).run()

    def references(self) -> set[str]:
        """Tags that were written, those of lists of referrers left out."""
        return {
            asked.path.removeprefix("/v2/shop/").replace("/manifests/", ":")
            for asked in self.server.written
            if "/manifests/" in asked.path and "sha256" not in asked.path
        }


def connect(repository: Repository, mounts: tuple[str, ...]) -> RegistryClient:
    return open_client(repository, {}, write=True, mounts=mounts, patience=Patience(tries=1))


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with serving(RegistryServer()) as server:
        yield Shop(tmp_path, server)


def refusing(
    part: str, *, method: str = "PUT", status: int = 500
) -> Callable[[Asked], Answer | None]:
    return lambda asked: Answer(status) if part in asked.target and asked.method == method else None


def test_tags_are_written_when_all_images_are_there(shop: Shop) -> None:
    images = [shop.shipment(name, "v1", "main") for name in ("a", "b", "c")]
    delivered = shop.push(*images)
    assert all(one.sent_bytes for one in delivered)
    written = [asked.path.rpartition("/")[2] for asked in shop.server.written]
    assert set(written[-6:]) == {"v1", "main"}
    assert not {"v1", "main"} & set(written[:-6])
    for image in images:
        store = shop.server.store(image.repository.name)
        assert store.manifests["v1"] == store.manifests["main"] == store.manifests[image.digest]


@pytest.mark.parametrize(
    "refused",
    [
        refusing("shop/b/blobs", method="POST"),
        refusing("shop/b/blobs/uploads", status=403),
        refusing("shop/b/manifests/sha256:", status=500),
        refusing("shop/b/manifests/sha256-", status=429),
    ],
)
def test_where_one_image_fails_no_tag_moves(
    shop: Shop, refused: Callable[[Asked], Answer | None]
) -> None:
    shop.server.behave = refused
    with pytest.raises(MachineError, match="no tag has moved") as failed:
        shop.push(*(shop.shipment(name, "v1") for name in ("a", "b", "c")))
    assert failed.value.exit_code == 36
    assert shop.references() == set()


def test_what_a_failed_push_brought_is_not_sent_again(shop: Shop) -> None:
    images = [shop.shipment(name, "v1") for name in ("a", "b")]
    shop.server.behave = refusing("shop/b/manifests/sha256:")
    with pytest.raises(MachineError):
        shop.push(*images)
    shop.server.behave = lambda _: None
    sent = {one.shipment.label.name: one.sent_bytes for one in shop.push(*images)}
    assert sent == {"a": None, "b": 0}
    assert shop.references() == {"a:v1", "b:v1"}


def test_tags_that_moved_before_a_failure_are_named(shop: Shop) -> None:
    shop.server.behave = refusing("shop/b/manifests/v1")
    with pytest.raises(MachineError, match=r"these tags have moved already: \S+/shop/a:v1"):
        shop.push(*(shop.shipment(name, "v1") for name in ("a", "b")))


def test_another_tag_of_an_unchanged_image_is_one_request(shop: Shop) -> None:
    shop.push(shop.shipment("a", "v1"), shop.shipment("b", "v1"))
    shop.server.asked.clear()
    delivered = shop.push(shop.shipment("a", "v2"), shop.shipment("b", "v2"))
    assert [one.sent_bytes for one in delivered] == [None, None]
    assert sorted((asked.method, asked.path) for asked in shop.server.asked) == [
        ("PUT", "/v2/shop/a/manifests/v2"), ("PUT", "/v2/shop/b/manifests/v2"),
    ]  # fmt: skip


def test_a_machine_that_knows_nothing_asks_once_before(shop: Shop, tmp_path: Path) -> None:
    shop.push(shop.shipment("a", "v1"))
    shop.server.asked.clear()
    shop.known = PushedImages(str(tmp_path / "empty"))
    image = shop.shipment("a", "v2")
    shop.push(image)
    assert [(asked.method, asked.path) for asked in shop.server.asked] == [
        ("HEAD", f"/v2/shop/a/manifests/{image.digest}"), ("PUT", "/v2/shop/a/manifests/v2"),
    ]  # fmt: skip


def test_an_image_that_the_registry_lost_is_pushed_anew(shop: Shop) -> None:
    image = shop.shipment("a", "v1")
    shop.push(image)
    shop.server.stores.clear()
    (delivered,) = shop.push(image)
    assert delivered.sent_bytes
    store = shop.server.store("shop/a")
    assert store.manifests["v1"] == store.manifests[image.digest]


def test_a_lost_image_with_several_tags_is_pushed_once(shop: Shop) -> None:
    image = shop.shipment("a", "v1", "v2", "v3")
    shop.push(image)
    shop.server.stores.clear()
    shop.server.asked.clear()
    shop.push(image)
    assert shop.references() == {"a:v1", "a:v2", "a:v3"}
    sent = [asked.query["digest"] for asked in shop.server.written if "digest" in asked.query]
    assert len(sent) == len(set(sent))


def test_the_images_of_an_index_are_there_before_it_with_what_is_attached(shop: Shop) -> None:
    index = shop.index("a", "v1")
    (delivered,) = shop.push(index)
    store = shop.server.store("shop/a")
    media_type, content = store.manifests["v1"]
    assert media_type == "application/vnd.oci.image.index.v1+json"
    listed = {
        one["platform"]["architecture"]: one["digest"] for one in json.loads(content)["manifests"]
    }
    assert listed == {"amd64": index.parts[0].digest, "arm64": index.parts[1].digest}
    assert all(referrers_tag(part.digest) in store.manifests for part in index.parts)
    assert referrers_tag(index.digest) not in store.manifests
    sizes = {c.blob.digest: c.blob.size_bytes for part in index.parts for c in part.image.contents}
    assert delivered.sent_bytes == sum(sizes.values())


def test_another_tag_of_an_unchanged_index_is_one_request(shop: Shop) -> None:
    shop.push(shop.index("a", "v1"))
    shop.server.asked.clear()
    shop.push(shop.index("a", "v2"))
    assert [(asked.method, asked.path) for asked in shop.server.asked] == [
        ("PUT", "/v2/shop/a/manifests/v2")
    ]


def test_an_index_that_the_registry_lost_is_pushed_anew(shop: Shop) -> None:
    index = shop.index("a", "v1")
    shop.push(index)
    shop.server.stores.clear()
    (delivered,) = shop.push(index)
    assert delivered.sent_bytes
    assert index.parts[1].digest in shop.server.store("shop/a").manifests


def test_a_blob_of_several_images_is_sent_once_and_mounted(shop: Shop) -> None:
    images = [shop.shipment(name, "v1", content=b"the same") for name in ("a", "b", "c")]
    sent = [one.sent_bytes for one in shop.push(*images)]
    assert sent[0] == sum(content.blob.size_bytes for content in images[0].image.contents)
    assert sent[1:] == [0, 0]
    mounts = [asked.query for asked in shop.server.asked if "mount" in asked.query]
    assert {query["from"] for query in mounts} == {"shop/a"}
    assert len(mounts) == 2 * len(images[0].image.contents)


def test_what_is_attached_names_the_image_and_is_there_before_it(shop: Shop) -> None:
    image = shop.shipment("a", "v1")
    shop.push(image)
    store = shop.server.store("shop/a")
    listed = json.loads(store.manifests[referrers_tag(image.digest)][1])["manifests"]
    assert [one["artifactType"] for one in listed] == [BILL.media_type, HOW.media_type]
    assert listed[1]["annotations"] == {"in-toto.io/predicate-type": "slsa"}
    for one, document in zip(listed, (BILL, HOW), strict=True):
        manifest = json.loads(store.manifests[one["digest"]][1])
        assert manifest["subject"]["digest"] == image.digest
        assert manifest["subject"]["size"] == len(image.image.manifest)
        assert store.blobs[manifest["layers"][0]["digest"]] == document.content
    references = [a.path.rpartition("/")[2] for a in shop.server.written if "/manifests/" in a.path]
    assert references[-2:] == [image.digest, "v1"]


def test_a_registry_that_lists_referrers_itself_gets_no_tag_for_them(shop: Shop) -> None:
    shop.server.behave = lambda asked: (
        Answer(body=b'{"manifests": []}') if "/referrers/" in asked.path else None
    )
    image = shop.shipment("a", "v1")
    shop.push(image)
    assert referrers_tag(image.digest) not in shop.server.store("shop/a").manifests


def test_what_others_attached_stays_in_the_list(shop: Shop) -> None:
    image = shop.shipment("a", "v1")
    theirs = b'{"manifests": [{"digest": "sha256:theirs"}]}'
    tag = referrers_tag(image.digest)
    shop.server.store("shop/a").manifests[tag] = ("application/json", theirs)
    store = shop.server.store("shop/a")
    shop.server.behave = lambda asked: (
        Answer(201) if asked.method == "PUT" and tag in asked.path else None
    )
    shop.push(image)
    (index,) = [asked.body for asked in shop.server.written if tag in asked.path]
    listed = json.loads(index)["manifests"]
    assert listed[0] == {"digest": "sha256:theirs"}
    assert len(listed) == 3
    assert digest_of(image.image.manifest) in store.manifests


def test_images_are_signed_once_they_are_there_and_before_they_are_tagged(shop: Shop) -> None:
    signed: list[str] = []

    def sign(shipment: Shipment) -> None:
        assert shipment.digest in shop.server.store(shipment.repository.name).manifests
        assert shop.references() == set()
        signed.append(shipment.label.name)

    shop.push(shop.shipment("a", "v1"), shop.shipment("b", "v1"), sign=sign)
    assert sorted(signed) == ["a", "b"]


def test_an_image_that_can_not_be_signed_is_not_tagged(shop: Shop) -> None:
    def sign(_shipment: Shipment) -> None:
        raise MachineError("cosign didn't sign")

    with pytest.raises(MachineError, match="cosign didn't sign; no tag has moved"):
        shop.push(shop.shipment("a", "v1"), sign=sign)
    assert shop.references() == set()


def test_a_damaged_layer_is_not_pushed(shop: Shop) -> None:
    image = shop.shipment("a", "v1")
    path = Path(shop.store.blobs.path(image.image.contents[1].blob.digest))
    path.chmod(0o644)
    path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises(MachineError, match="is missing or damaged; no tag has moved"):
        shop.push(image)
    assert shop.references() == set()
