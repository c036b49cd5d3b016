"""What goes from a shared cache, and what stays."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from buildsys.errors import MachineError
from buildsys.execution.ports import SharedResult
from buildsys.model.action import ActionResult, Blob
from buildsys.model.digest import ActionKey, Digest, ImageDigest, digest_of
from buildsys.registry import builds, records
from buildsys.registry.builds import BuildNote
from buildsys.registry.client import INDEX_TYPE, MANIFEST_TYPE, RegistryClient
from buildsys.registry.collecting import Collected, Keep, collect, needed
from buildsys.registry.records import CREATED, tag_of
from buildsys.registry.trouble import RegistryTrouble
from tests.registry_server import Answer, Asked, RegistryServer
from tests.unit.registry.conftest import Clients

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
NAME = "team/cache"


def key(number: int) -> ActionKey:
    return ActionKey(f"{number:064x}")


@pytest.fixture
def client(clients: Clients) -> RegistryClient:
    return clients(NAME)


def image(client: RegistryClient, content: str) -> ImageDigest:
    """Put an image there; the same content is the same image."""
    manifest = json.dumps({"schemaVersion": 2, "annotations": {"content": content}}).encode()
    return ImageDigest(client.put_manifest(digest_of(manifest), manifest, MANIFEST_TYPE))


def share(
    client: RegistryClient, number: int, content: str = "", *, created: str = "2026-01-01T00:00:00Z"
) -> dict[ActionKey, ImageDigest]:
    """A result under its key, as old as it says."""
    digest = image(client, content or str(number))
    blobs = (Blob(Digest(digest), 1), Blob(digest_of(b"config"), 1))
    found = SharedResult(key(number), ActionResult(digest, blobs, 1), {})
    index = json.loads(records.encode(found, "", None, {}))
    index["annotations"] |= {CREATED: created}
    if not created:
        del index["annotations"][CREATED]
    client.put_manifest(tag_of(key(number)), json.dumps(index).encode(), INDEX_TYPE)
    return {key(number): digest}


def note(
    client: RegistryClient, age: timedelta, commit: str, *results: dict[ActionKey, ImageDigest]
) -> str:
    together = {key: digest for one in results for key, digest in one.items()}
    return builds.write(client, BuildNote(NOW - age, commit, together))


def keep(builds_: int = 0, commits: Iterable[str] = (), young: timedelta = HOUR) -> Keep:
    wanted = frozenset(commits)
    return Keep(lambda built: built & wanted, builds_, young)


def collected(client: RegistryClient, keeping: Keep, *, dry_run: bool = False) -> Collected:
    return collect(client, keeping, NOW, dry_run=dry_run)


def left(client: RegistryClient) -> set[str]:
    return set(client.tags())


def test_a_note_says_again_what_a_build_needed(client: RegistryClient) -> None:
    said = BuildNote(NOW, "c0ffee", {key(1): image(client, "one")})
    tag = builds.write(client, said)
    assert tag.startswith("build-20260504T120000Z-")
    assert builds.read(client, tag) == said
    assert builds.write(client, said) != tag, "two builds may end in the same second"


def test_what_no_kept_build_needs_goes_with_its_image(
    client: RegistryClient, server: RegistryServer
) -> None:
    old, new, both = share(client, 1), share(client, 2), share(client, 3)
    gone = note(client, 9 * HOUR, "old", old, both)
    stays = note(client, 8 * HOUR, "new", new, both)
    unknown = share(client, 4)
    planned = collected(client, keep(1), dry_run=True)
    assert left(client) == {*map(tag_of, map(key, (1, 2, 3, 4))), gone, stays}
    done = collected(client, keep(1))
    assert done == planned
    assert (done.results, done.builds) == ([tag_of(key(1)), tag_of(key(4))], [gone])
    assert (done.kept_results, done.kept_builds) == (2, 1)
    assert left(client) == {tag_of(key(2)), tag_of(key(3)), stays}
    images = server.store(NAME).manifests
    assert not {old[key(1)], unknown[key(4)]} & images.keys()
    assert {new[key(2)], both[key(3)]} <= images.keys()


def test_an_image_that_another_result_has_too_stays(
    client: RegistryClient, server: RegistryServer
) -> None:
    shared = share(client, 1, "same")
    needed_too = share(client, 2, "same")
    note(client, 9 * HOUR, "", needed_too)
    assert collected(client, keep(1)).results == [tag_of(key(1))]
    assert shared[key(1)] in server.store(NAME).manifests


def test_branches_and_tags_keep_what_was_built_of_their_commits(client: RegistryClient) -> None:
    tags = [note(client, age * HOUR, f"c{age}", share(client, age)) for age in range(2, 6)]
    done = collected(client, keep(1, {"c4"}))
    assert done.builds == sorted([tags[1], tags[3]])
    assert done.results == [tag_of(key(3)), tag_of(key(5))]


def test_what_is_young_stays_whether_a_build_needs_it_or_not(client: RegistryClient) -> None:
    note(client, 9 * HOUR, "")
    share(client, 1, created=(NOW - HOUR / 2).isoformat())
    share(client, 2, created=(NOW - HOUR).isoformat())
    share(client, 3, created="")
    share(client, 4, created="yesterday")
    young = note(client, HOUR / 2, "", share(client, 5))
    done = collected(client, keep(0))
    assert done.results == [tag_of(key(n)) for n in (2, 3, 4)]
    assert {young, tag_of(key(1)), tag_of(key(5))} == left(client)


def test_the_order_of_builds_is_that_of_their_times() -> None:
    notes = {f"build-{n}": BuildNote(NOW - (n % 5 + 2) * HOUR, "", {}) for n in range(10)}
    kept = needed(notes, keep(4), NOW)
    assert {notes[tag].when for tag in kept} == {NOW - 2 * HOUR, NOW - 3 * HOUR}


def test_tags_of_others_are_nobodys_business(client: RegistryClient) -> None:
    note(client, 9 * HOUR, "", share(client, 1))
    digest = image(client, "theirs")
    for tag in ("latest", "bs-short", "build-1", f"bs-{'x' * 64}"):
        client.put_manifest(tag, json.dumps({"schemaVersion": 2}).encode(), MANIFEST_TYPE)
    collected(client, keep(0))
    assert left(client) == {"latest", "bs-short", "build-1", f"bs-{'x' * 64}"}
    assert client.has_manifest(digest)


def test_many_tags_come_in_pages(client: RegistryClient, server: RegistryServer) -> None:
    expected = sorted(f"t{number}" for number in range(2500))
    for tag in expected:
        server.store(NAME).manifests[tag] = (MANIFEST_TYPE, b"{}")
    assert list(client.tags()) == expected
    assert len(server.asked) == 3


def test_without_notes_nothing_is_removed(client: RegistryClient, server: RegistryServer) -> None:
    share(client, 1)
    before = len(server.written)
    with pytest.raises(MachineError, match=r"no build is noted in .*/team/cache"):
        collected(client, keep(0))
    assert len(server.written) == before


@pytest.mark.parametrize("text", ["", "[]", '{"schema": 2, "commit": "", "results": {}}'])
def test_with_a_note_that_cant_be_read_nothing_is_removed(
    client: RegistryClient, server: RegistryServer, text: str
) -> None:
    tag = note(client, 9 * HOUR, "")
    share(client, 1)
    (layer,) = json.loads(server.store(NAME).manifests[tag][1])["layers"]
    blob = Blob(digest_of(text.encode()), len(text))
    server.store(NAME).blobs[blob.digest] = text.encode()
    manifest = json.dumps({"layers": [layer | {"digest": blob.digest, "size": blob.size_bytes}]})
    server.store(NAME).manifests[tag] = (MANIFEST_TYPE, manifest.encode())
    before = len(server.written)
    with pytest.raises(MachineError, match=f"nothing is removed: .*{tag}"):
        collected(client, keep(0))
    assert len(server.written) == before


def test_a_registry_that_removes_nothing_says_so(
    client: RegistryClient, server: RegistryServer
) -> None:
    note(client, 9 * HOUR, "")
    share(client, 1)

    def refuses(asked: Asked) -> Answer | None:
        body = b'{"errors": [{"code": "UNSUPPORTED", "message": "The operation is unsupported."}]}'
        return Answer(405, body) if asked.method == "DELETE" else None

    server.behave = refuses
    with pytest.raises(RegistryTrouble, match="405, UNSUPPORTED"):
        collected(client, keep(0))
