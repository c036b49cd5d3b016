"""A registry in this process: the distribution API over HTTP, which misbehaves when it is told to."""

import json
import re
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from buildsys.model.digest import digest_of

_TAGS = re.compile(r"/v2/(?P<name>.+)/tags/list")
_ROUTE = re.compile(r"/v2/(?P<name>.+)/(?P<kind>manifests|blobs|referrers)/(?P<rest>.+)")


@dataclass(frozen=True)
class Asked:
    """A request as it came over the wire."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.target).query).items()}

    @property
    def writes(self) -> bool:
        return self.method not in {"GET", "HEAD"}


@dataclass(frozen=True)
class Answer:
    """`sent` is how many bytes of the body are sent before the connection is closed."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    sent: int | None = None


Behaviour = Callable[[Asked], "Answer | None"]
"""What to answer instead; None leaves it to the registry."""


def behaves(_asked: Asked) -> None:
    return None


@dataclass
class Store:
    """What is in a repository."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    """By tag and by digest."""


@dataclass
class RegistryServer:
    """What is asked of it, and what it has."""

    behave: Behaviour = behaves
    asked: list[Asked] = field(default_factory=list)
    stores: dict[str, Store] = field(default_factory=dict)
    host: str = ""
    released: threading.Event = field(default_factory=threading.Event)
    """Set at the end, so that nobody who hangs on purpose hangs on."""

    def store(self, name: str) -> Store:
        return self.stores.setdefault(name, Store())

    @property
    def written(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.writes]

    def hang(self, _asked: Asked) -> Answer:
        """A behaviour: no answer, for as long as the server lives."""
        self.released.wait()
        return Answer(503)

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        found = self.behave(asked)
        if found is not None:
            return found
        listed = _TAGS.fullmatch(asked.path)
        if listed is not None:
            return self._tags(listed["name"], asked.query)
        route = _ROUTE.fullmatch(asked.path)
        if route is None:
            return Answer()
        store, rest = self.store(route["name"]), route["rest"]
        if route["kind"] == "manifests":
            return _manifests(store, asked, rest)
        if rest.startswith("uploads/"):
            return self._uploads(store, asked, route["name"])
        content = store.blobs.get(rest)
        return _missing() if content is None else Answer(body=content)

    def _tags(self, name: str, query: dict[str, str]) -> Answer:
        tags = sorted(tag for tag in self.store(name).manifests if not tag.startswith("sha256:"))
        left = [tag for tag in tags if tag > query.get("last", "")]
        page = left[: int(query["n"])]
        more = f'</v2/{name}/tags/list?n={query["n"]}&last={page[-1]}>; rel="next"' if page else ""
        headers = {"Link": more} if len(left) > len(page) else {}
        return Answer(
            body=json.dumps({"name": name, "tags": page or None}).encode(), headers=headers
        )

    def _uploads(self, store: Store, asked: Asked, name: str) -> Answer:
        if asked.method == "POST":
            mounted = self.store(asked.query.get("from", "")).blobs.get(
                asked.query.get("mount", "")
            )
            if mounted is not None:
                store.blobs[asked.query["mount"]] = mounted
                return Answer(201)
            return Answer(202, headers={"Location": f"/v2/{name}/blobs/uploads/1?_state=x"})
        digest = asked.query["digest"]
        if digest_of(asked.body) != digest:
            return Answer(400)
        store.blobs[digest] = asked.body
        return Answer(201)


def _manifests(store: Store, asked: Asked, reference: str) -> Answer:
    if asked.method == "PUT":
        named = (asked.headers["Content-Type"], asked.body)
        described = json.loads(asked.body)
        children = [child["digest"] for child in described.get("manifests", ())]
        blobs = [one["digest"] for one in described.get("layers", ())]
        blobs += [described["config"]["digest"]] if "config" in described else []
        if not all(c in store.manifests for c in children) or not all(
            b in store.blobs for b in blobs
        ):
            return Answer(400, b'{"errors": [{"code": "MANIFEST_BLOB_UNKNOWN", "message": "m"}]}')
        store.manifests[reference] = named
        store.manifests[digest_of(asked.body)] = named
        return Answer(201)
    found = store.manifests.get(reference)
    if found is None:
        return _missing()
    if asked.method == "DELETE":
        for name in [name for name, stored in store.manifests.items() if stored == found]:
            del store.manifests[name]
        return Answer(202)
    return Answer(body=found[1], headers={"Content-Type": found[0]})


def _missing() -> Answer:
    return Answer(404, b'{"errors": [{"code": "UNKNOWN", "message": "there is none"}]}')


@contextmanager
def serving(server: RegistryServer, tls: ssl.SSLContext | None = None) -> Iterator[RegistryServer]:
    """The server runs on loopback while the body does; `host` says where."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = Asked(self.command, self.path, dict(self.headers), body)
            answer = server.answer(asked)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if "Content-Length" not in answer.headers:
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body[: answer.sent])
            self.close_connection = self.close_connection or answer.sent is not None

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = _do  # noqa: N815

        def log_message(self, *_: Any) -> None: ...

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None: ...

    listening = Quiet(("127.0.0.1", 0), Handler)
    if tls is not None:
        listening.socket = tls.wrap_socket(listening.socket, server_side=True)
    server.host = f"localhost:{listening.server_address[1]}"
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        listening.shutdown()
        listening.server_close()
        thread.join()
