"""Opens the shared cache that a workspace or the environment names."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from buildsys.errors import UsageError
from buildsys.execution.modes import Access
from buildsys.model.digest import Digest
from buildsys.model.target import CacheSettings
from buildsys.registry.client import RegistryClient, open_client
from buildsys.registry.place import Place
from buildsys.registry.publisher import Publisher
from buildsys.registry.repository import Repository
from buildsys.registry.shared_cache import RegistryCache
from buildsys.registry.signing import SignedBy, SigningKey
from buildsys.registry.wire import Patience

NAMESPACE, KEY, KEY_FILE = "BS_CACHE_NAMESPACE", "BS_CACHE_SIGNING_KEY", "BS_CACHE_SIGNING_KEY_FILE"
_NAMESPACE = re.compile(r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*")
_ASKING = Patience(connect_s=1.5, answer_s=3.0, tries=2, pause_s=0.2, longest_pause_s=1.0)
_MOVING = Patience(connect_s=3.0, answer_s=15.0, tries=2, pause_s=0.5, longest_pause_s=5.0)


@dataclass(frozen=True, slots=True)
class Opening:
    """What opening a shared cache takes, beside its settings."""

    environment: Mapping[str, str]
    path_of: Callable[[Digest], str]
    warn: Callable[[str], None]
    more: Callable[[], Mapping[str, str]]
    """See `Publisher.more`."""


def open_shared(settings: CacheSettings, access: Access, opening: Opening) -> RegistryCache:
    """The cache at `settings.registry`; nothing is asked yet.

    Raises:
        UsageError: the registry, the namespace or a key is none.
    """
    main = Repository.parse(settings.registry)
    namespace = _namespace(opening.environment)
    places = [_place("", main, settings.signed_by, access, opening, own=not namespace)]
    if namespace:
        repository, keys = main.below(namespace), settings.pull_requests_signed_by
        places.insert(0, _place(namespace, repository, keys, access, opening, own=True))
    mount_from = main.name if namespace else ""
    publisher = _publisher(places[0], mount_from, opening) if access.write else None
    return RegistryCache(places, publisher, opening.warn)


def open_to_remove(settings: CacheSettings, environment: Mapping[str, str]) -> RegistryClient:
    """A client of the repository that runs with this environment write, with the right to remove.

    Raises:
        UsageError: see `open_shared`.
    """
    repository, namespace = Repository.parse(settings.registry), _namespace(environment)
    own = repository.below(namespace) if namespace else repository
    return open_client(own, environment, write=True, delete=True, patience=_MOVING)


def _namespace(environment: Mapping[str, str]) -> str:
    namespace = environment.get(NAMESPACE, "")
    if namespace and not _NAMESPACE.fullmatch(namespace):
        raise UsageError(
            f"`{namespace}` in {NAMESPACE} can't name a namespace",
            hint="use small letters, digits and `.-_`, for example pr-12",
        )
    return namespace


def _place(
    namespace: str,
    repository: Repository,
    keys: tuple[str, ...],
    access: Access,
    opening: Opening,
    *,
    own: bool,
) -> Place:
    def client(patience: Patience, *, write: bool) -> RegistryClient:
        mounts = (repository.name.rpartition("/")[0],) if write and namespace else ()
        return open_client(
            repository, opening.environment, write=write, mounts=mounts, patience=patience
        )

    asking, moving = client(_ASKING, write=False), client(_MOVING, write=own and access.write)
    return Place(namespace, asking, moving, SignedBy(keys))


def _publisher(place: Place, mount_from: str, opening: Opening) -> Publisher | None:
    key = _signing_key(opening.environment)
    trusted = place.verify.keys if isinstance(place.verify, SignedBy) else ()
    if trusted and (key is None or key.public not in trusted):
        what = "no signing key is given" if key is None else f"{key.public} isn't trusted there"
        opening.warn(f"nothing is put into the shared cache {place.moving.repository}: {what}")
        return None
    return Publisher(place, opening.path_of, opening.warn, key, mount_from, opening.more)


def _signing_key(environment: Mapping[str, str]) -> SigningKey | None:
    pem, path = environment.get(KEY, "").encode(), environment.get(KEY_FILE, "")
    if not pem and path:
        try:
            with open(path, "rb") as file:
                pem = file.read()
        except OSError as error:
            raise UsageError(f"can't read {path} of {KEY_FILE}: {error.strerror}") from None
    return SigningKey.from_pem(pem) if pem else None
