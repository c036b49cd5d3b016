"""Removes from a shared cache what neither a branch, a tag nor a recent build needs.

What is needed is what builds noted (see `builds`). Tags and manifests are removed; the bytes below them are
freed by the registry's own garbage collection.
"""

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from buildsys.errors import MachineError
from buildsys.model.digest import Digest, is_digest
from buildsys.registry import builds
from buildsys.registry.builds import BuildNote
from buildsys.registry.client import INDEX_TYPE, RegistryClient
from buildsys.registry.crew import each
from buildsys.registry.records import CREATED, BadRecord, key_of

T = TypeVar("T")
R = TypeVar("R")

_THREADS = 8
_LONG_S = 24 * 3600.0

Commits = Callable[[frozenset[str]], frozenset[str]]
"""Commits that builds were noted of → those among them that branches and tags need."""


@dataclass(frozen=True, slots=True)
class Keep:
    """What stays: what `commits` chooses, the last `builds`, and whatever is younger than `young`."""

    commits: Commits
    builds: int
    young: timedelta


@dataclass(slots=True)
class Collected:
    """How many results and notes stay, and which tags went."""

    kept_results: int = 0
    kept_builds: int = 0
    results: list[str] = field(default_factory=list)
    builds: list[str] = field(default_factory=list)


def needed(notes: Mapping[str, BuildNote], keep: Keep, now: datetime) -> frozenset[str]:
    """The tags of the builds whose results stay."""
    newest = sorted(notes, key=lambda tag: (notes[tag].when, tag), reverse=True)
    commits = keep.commits(frozenset(note.commit for note in notes.values() if note.commit))
    return frozenset(
        tag
        for place, tag in enumerate(newest)
        if place < keep.builds or notes[tag].commit in commits or now - notes[tag].when < keep.young
    )


def collect(client: RegistryClient, keep: Keep, now: datetime, *, dry_run: bool) -> Collected:
    """Remove what isn't needed, or only say what that is.

    Raises:
        MachineError: no build is noted, or one can't be read; nothing was removed.
        RegistryTrouble: the registry doesn't let it happen; some may have been removed.
    """
    tags = client.tags()
    notes = _notes(client, tags)
    if not notes:
        raise MachineError(
            f"no build is noted in {client.repository}, so nothing is known to be needed",
            hint="builds with `--cache=remote:rw` note what they need",
        )
    staying = needed(notes, keep, now)
    wanted = {key: image for tag in staying for key, image in notes[tag].results.items()}
    doomed = {tag: key for tag in tags if (key := key_of(tag)) is not None and key not in wanted}
    done = Collected(kept_builds=len(staying), builds=sorted(notes.keys() - staying))
    images: set[str] = set(wanted.values())
    removable: list[tuple[str, str, str]] = []
    for tag, digest, image, created in _each(lambda tag: _described(client, tag), doomed):
        if created is not None and now - created < keep.young:
            images.add(image)
        elif digest:
            removable.append((tag, digest, image))
    done.results = sorted(tag for tag, _, _ in removable)
    done.kept_results = sum(key_of(tag) is not None for tag in tags) - len(done.results)
    if not dry_run:
        gone = [digest for _, digest, _ in removable]
        unused = {image for _, _, image in removable if image} - images
        # What names others goes before what it names.
        for batch in (done.builds, gone, sorted(unused)):
            _each(lambda reference: _remove(client, reference), batch)
    return done


def _notes(client: RegistryClient, tags: Iterable[str]) -> dict[str, BuildNote]:
    def noted(tag: str) -> tuple[str, BuildNote | None]:
        try:
            return tag, builds.read(client, tag)
        except BadRecord as why:
            raise MachineError(
                f"nothing is removed: the build noted as {client.repository}:{tag} isn't known: {why}",
                hint="remove that tag if nobody needs it",
            ) from None

    found = _each(noted, [tag for tag in tags if builds.TAG.fullmatch(tag)])
    return {tag: note for tag, note in found if note is not None}


def _described(client: RegistryClient, tag: str) -> tuple[str, str, str, datetime | None]:
    """Tag, digest and image of a result, and when it was put there, as far as that is known."""
    stored = client.manifest(tag, (INDEX_TYPE,))
    if stored is None:
        return tag, "", "", None
    image, created = "", None
    try:
        index = json.loads(stored.content)
        image = index["manifests"][0]["digest"]
        created = datetime.fromisoformat(index["annotations"][CREATED]).astimezone(UTC)
    except (ValueError, KeyError, TypeError, LookupError):
        pass  # damaged, or of an older version: it is as good as old
    return tag, stored.digest, image if is_digest(image) else "", created


def _remove(client: RegistryClient, reference: str) -> None:
    if is_digest(reference):
        client.delete_manifest(Digest(reference))
        return
    stored = client.manifest(reference)
    if stored is not None:
        client.delete_manifest(stored.digest)


def _each(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    stopped = threading.Event()
    return list(each(work, items, threads=_THREADS, within_s=_LONG_S, stopped=stopped))
