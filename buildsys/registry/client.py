"""The OCI distribution API of one repository: manifests and blobs, read and written, verified.

What is asked for by digest is checked against it, and against the size that is known. A reference that is a tag
gives whatever the registry says: who needs more has to look at what is in it.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO
from urllib.parse import quote, urlencode

import urllib3

from buildsys.model.action import Blob
from buildsys.model.digest import Digest, digest_of, is_digest
from buildsys.registry.credentials import DockerCredentials
from buildsys.registry.repository import Repository
from buildsys.registry.trouble import RegistryTrouble, WrongBytes
from buildsys.registry.wire import Body, Patience, Request, Wire

INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
DOCKER_TYPES = (
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
LARGEST_MANIFEST = 4 << 20
_PIECE = 1 << 20
_TAGS_AT_ONCE = 1000
_CREATED, _ACCEPTED = 201, 202
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)


@dataclass(frozen=True, slots=True)
class StoredManifest:
    """A manifest as the registry gave it."""

    content: bytes
    media_type: str

    @property
    def digest(self) -> Digest:
        return digest_of(self.content)


class RegistryClient:
    """One repository. Every method raises RegistryTrouble where the registry doesn't do as it should."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def close(self) -> None:
        """Close the connections that nobody uses right now."""
        self._wire.close()

    @property
    def repository(self) -> Repository:
        return self._wire.repository

    def manifest(
        self, reference: str, types: tuple[str, ...] = (INDEX_TYPE, MANIFEST_TYPE)
    ) -> StoredManifest | None:
        """The manifest of a tag or a digest; None if there is none.

        Raises:
            WrongBytes: it isn't what the digest says.
        """
        headers = {"Accept": ", ".join(types)}
        request = Request("GET", self._manifest_path(reference), headers, may_lack=True)
        found = self._wire.ask(request, _read_manifest)
        if found is not None and is_digest(reference) and found.digest != reference:
            raise WrongBytes(
                f"the registry {self.repository.host} gives other bytes for {reference}"
            )
        return found

    def has_manifest(self, reference: str) -> bool:
        """Whether there is a manifest of this tag or digest."""
        headers = {"Accept": ", ".join((INDEX_TYPE, MANIFEST_TYPE, *DOCKER_TYPES))}
        request = Request("HEAD", self._manifest_path(reference), headers, may_lack=True)
        return self._wire.ask(request, lambda _answer: True) is not None

    def has_referrers(self, digest: str) -> bool:
        """Whether the registry lists the artifacts that name a manifest as their subject."""
        request = Request("GET", self._path("referrers", digest), may_lack=True)
        return self._wire.ask(request, lambda _answer: True) is not None

    def put_manifest(self, reference: str, content: bytes, media_type: str) -> Digest:
        """Store a manifest under a tag, or under its digest; all that it names has to be there."""
        headers = {"Content-Type": media_type, "Content-Length": str(len(content))}
        path = self._manifest_path(reference)
        expected = (_CREATED, _ACCEPTED, 200)
        self._wire.ask(
            Request("PUT", path, headers, lambda: content, expected), lambda _answer: None
        )
        return digest_of(content)

    def delete_manifest(self, digest: Digest) -> bool:
        """Remove a manifest, and all tags that name it; whether it was there.

        Raises:
            RegistryTrouble: with status 405 where the registry removes nothing at all.
        """
        expected = (_ACCEPTED, 200, 204)
        request = Request("DELETE", self._manifest_path(digest), expected=expected, may_lack=True)
        return self._wire.ask(request, lambda _answer: True) is not None

    def tags(self) -> tuple[str, ...]:
        """All tags; none where there is no such repository yet."""
        found: list[str] = []
        path = f"/v2/{self.repository.name}/tags/list?n={_TAGS_AT_ONCE}"
        while path:
            page = self._wire.ask(Request("GET", path, may_lack=True), _read_tags)
            if page is None:
                break
            found += page[0]
            path = page[1]
        return tuple(found)

    def has_blob(self, digest: str) -> bool:
        request = Request("HEAD", self._path("blobs", digest), may_lack=True)
        return self._wire.ask(request, lambda _answer: True) is not None

    def fetch_blob(self, blob: Blob, into: BinaryIO) -> bool:
        """Write a blob's bytes into an empty file; False if the registry has no such blob.

        Raises:
            WrongBytes: they aren't what digest and size say; the file is spoilt.
        """
        request = Request("GET", self._path("blobs", blob.digest), may_lack=True)
        return self._wire.ask(request, partial(self._receive, blob, into)) is not None

    def push_blob(
        self,
        blob: Blob,
        opened: Callable[[], BinaryIO],
        *,
        mount_from: str = "",
        anew: bool = False,
    ) -> bool:
        """See to it that the blob is there; whether its bytes had to be sent.

        `opened` opens the bytes anew for each try. `mount_from` names a repository of the same registry that
        may have the blob. With `anew` the bytes are sent though the registry says that it has them.
        """
        if not anew and self.has_blob(blob.digest):
            return False
        tries = 2
        for again in range(tries):
            place = self._upload_place(blob, mount_from)
            if place is None:
                return False
            try:
                self._send(blob, place, opened)
            except RegistryTrouble as trouble:
                # An upload that broke off can't be taken up where it was: it begins anew.
                if again + 1 == tries or trouble.status in {401, 403, 413}:
                    raise
            else:
                return True
        raise AssertionError

    def _upload_place(self, blob: Blob, mount_from: str) -> str | None:
        """Where to send the bytes to; None if the registry found them in the other repository."""
        mount = {"mount": blob.digest, "from": mount_from} if mount_from else {}
        path = self._path("blobs", "uploads/") + (f"?{urlencode(mount)}" if mount else "")
        request = Request("POST", path, {"Content-Length": "0"}, expected=(_CREATED, _ACCEPTED))
        return self._wire.ask(request, _upload_location)

    def _send(self, blob: Blob, place: str, opened: Body) -> None:
        joint = "&" if "?" in place else "?"
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(blob.size_bytes),
        }
        url = f"{place}{joint}{urlencode({'digest': blob.digest})}"
        request = Request("PUT", url, headers, opened, (_CREATED, _ACCEPTED), once=True)
        self._wire.ask(request, lambda _answer: None)

    def _receive(self, blob: Blob, into: BinaryIO, answer: urllib3.BaseHTTPResponse) -> bool:
        into.seek(0)
        into.truncate()
        hashed, size = hashlib.sha256(), 0
        for piece in answer.stream(_PIECE, decode_content=False):
            size += len(piece)
            if size > blob.size_bytes:
                break
            hashed.update(piece)
            into.write(piece)
        if size != blob.size_bytes or f"sha256:{hashed.hexdigest()}" != blob.digest:
            raise WrongBytes(
                f"the registry {self.repository.host} gives other bytes for {blob.digest}"
            )
        into.flush()
        return True

    def _manifest_path(self, reference: str) -> str:
        assert is_digest(reference) or _TAG.fullmatch(reference), f"BUG: `{reference}` is no tag"
        return self._path("manifests", reference)

    def _path(self, kind: str, name: str) -> str:
        return f"/v2/{self.repository.name}/{kind}/{quote(name, safe='/:')}"


def open_client(
    repository: Repository,
    environment: Mapping[str, str],
    *,
    write: bool = False,
    delete: bool = False,
    mounts: tuple[str, ...] = (),
    patience: Patience | None = None,
) -> RegistryClient:
    """A client that logs in as Docker's configuration says, where the registry asks for that.

    Without `write` it asks for no right to write. `mounts` names repositories that blobs are taken from.
    """
    actions = "pull" + ",push" * write + ",delete" * delete
    scopes = [f"repository:{repository.name}:{actions}", *(f"repository:{m}:pull" for m in mounts)]
    wire = Wire(
        repository,
        DockerCredentials(environment),
        tuple(scopes),
        patience=patience or Patience(),
        environment=environment,
    )
    return RegistryClient(wire)


def file_opener(path: str) -> Callable[[], BinaryIO]:
    """What `push_blob` opens a file by."""
    return lambda: open(path, "rb")


def _read_manifest(answer: urllib3.BaseHTTPResponse) -> StoredManifest:
    content = b""
    for piece in answer.stream(_PIECE, decode_content=False):
        content += piece
        if len(content) > LARGEST_MANIFEST:
            raise WrongBytes("the registry gives a manifest that is larger than any manifest is")
    media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip()
    return StoredManifest(content, media_type)


def _read_tags(answer: urllib3.BaseHTTPResponse) -> tuple[list[str], str]:
    """Tags, and where the next ones are ("" if there are none)."""
    listed = json.loads(answer.read(LARGEST_MANIFEST + 1)).get("tags") or []
    following = re.match(r'<([^>]*)>; *rel="?next"?', answer.headers.get("Link", ""))
    return [str(tag) for tag in listed], following[1] if following else ""


def _upload_location(answer: urllib3.BaseHTTPResponse) -> str | None:
    if answer.status == _CREATED:
        return None
    return answer.headers.get("Location") or ""
