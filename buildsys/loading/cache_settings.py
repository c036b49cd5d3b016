"""`cache` in the root BUILD.yaml: where results are shared, and how much of the store here is kept."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from buildsys.errors import BuildFileError, Location, UsageError
from buildsys.loading.fields import is_null, items, known_entries, matching
from buildsys.loading.nodes import Node, Scalar
from buildsys.loading.values import size
from buildsys.model.target import CacheSettings

AGE = re.compile(r"([1-9][0-9]{0,4})(h|d|w)")
_AGES = MappingProxyType({"h": 3600, "d": 86_400, "w": 604_800})
REPOSITORY = re.compile(r"(https?://)?[A-Za-z0-9.:\[\]-]+(/[a-z0-9]+([._-]+[a-z0-9]+)*)+")
PUBLIC_KEY = re.compile(r"ed25519:[A-Za-z0-9+/]{43}=")
_age = matching(AGE, "an age", "ages look like `12h`, `30d` or `4w`")
_public_key = matching(PUBLIC_KEY, "public keys", "write `ed25519:` and 32 bytes in base64")


def _keys(node: Node, name: str) -> tuple[str, ...]:
    return items(node, name, _public_key)


# Entry → field, and how its value is read.
_ENTRIES: Mapping[str, tuple[str, Callable[[Node, str], object]]] = MappingProxyType(
    {
        "registry": (
            "registry",
            matching(REPOSITORY, "a repository", "write `registry.example.com/team/cache`"),
        ),
        "signed_by": ("signed_by", _keys),
        "pull_requests_signed_by": ("pull_requests_signed_by", _keys),
        "max_size": ("max_bytes", size),
        "max_age": ("max_age_s", lambda node, name: seconds_of(_age(node, name))),
    }
)


def cache_settings(node: Node, name: str) -> CacheSettings:
    given = known_entries(node, name, _ENTRIES).nodes
    fields = {
        _ENTRIES[key][0]: _ENTRIES[key][1](value, key)
        for key, value in given.items()
        if not is_null(value)
    }
    return replace(CacheSettings(), **fields)  # type: ignore[arg-type]


def seconds_of(age: str) -> int:
    """The seconds of an age that `AGE` matches.

    Raises:
        UsageError: it doesn't.
    """
    found = AGE.fullmatch(age)
    if found is None:
        raise UsageError(f"`{age}` is no age", hint="ages look like `12h`, `30d` or `4w`")
    return int(found[1]) * _AGES[found[2]]


def bytes_of(text: str) -> int:
    """The bytes of a size as BUILD.yaml has them.

    Raises:
        UsageError: it is none.
    """
    try:
        return size(Scalar(text, quoted=False, at=Location("")), "size")
    except BuildFileError:
        raise UsageError(
            f"`{text}` is no size", hint="sizes look like `20GB` or `500MiB`"
        ) from None
