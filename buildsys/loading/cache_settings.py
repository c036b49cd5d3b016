"""`cache` in the root BUILD.yaml: how much of the store is kept, and for how long."""

import re
from types import MappingProxyType

from buildsys.errors import BuildFileError, Location, UsageError
from buildsys.loading.fields import known_entries, matching
from buildsys.loading.nodes import Node, Scalar
from buildsys.loading.values import size
from buildsys.model.target import CacheSettings

AGE = re.compile(r"([1-9][0-9]{0,4})(h|d|w)")
_AGES = MappingProxyType({"h": 3600, "d": 86_400, "w": 604_800})
_age = matching(AGE, "an age", "ages look like `12h`, `30d` or `4w`")


def cache_settings(node: Node, name: str) -> CacheSettings:
    given = known_entries(node, name, ("max_size", "max_age")).nodes
    return CacheSettings(
        size(given["max_size"], "max_size") if "max_size" in given else None,
        seconds_of(_age(given["max_age"], "max_age")) if "max_age" in given else None,
    )


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
