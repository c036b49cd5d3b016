"""Which caches a build reads and writes: `remote:r,local:rw`."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from buildsys.errors import UsageError
from buildsys.execution.ports import ActionCache, ActionRecord
from buildsys.model.action import ActionResult, Manifest
from buildsys.model.digest import ActionKey

_ACCESS = {"off": (False, False), "r": (True, False), "rw": (True, True)}


@dataclass(frozen=True, slots=True)
class Access:
    """What may be done with one cache."""

    read: bool
    write: bool

    @staticmethod
    def parse(text: str) -> "Access":
        """Parse `r`, `rw` or `off`.

        Raises:
            UsageError: it's none of these.
        """
        if text not in _ACCESS:
            raise UsageError(
                f"`{text}` is no way to use a cache", hint="for example --cache=remote:r,local:rw"
            )
        return Access(*_ACCESS[text])


@dataclass(frozen=True, slots=True)
class CacheModes:
    """A shared cache is only read unless somebody says that this run is trusted to write."""

    local: Access = Access(read=True, write=True)
    remote: Access = Access(read=True, write=False)

    @staticmethod
    def parse(text: str) -> "CacheModes":
        """Parse `remote:r|rw|off,local:r|rw|off`, either part of which may be left out.

        Raises:
            UsageError: it can't be understood.
        """
        modes = CacheModes()
        for part in filter(None, text.split(",")):
            name, _, access = part.partition(":")
            if name == "remote":
                modes = replace(modes, remote=Access.parse(access))
            elif name == "local":
                modes = replace(modes, local=Access.parse(access))
            else:
                raise UsageError(
                    f"`{name}` is no cache",
                    hint="there are `remote` and `local`, as in --cache=remote:r,local:rw",
                )
        return modes


@dataclass(frozen=True, slots=True)
class LimitedCache:
    """The port `ActionCache`, of which not all may be used."""

    inner: ActionCache
    access: Access

    def get(self, key: ActionKey) -> ActionResult | None:
        return self.inner.get(key) if self.access.read else None

    def manifest(self, key: ActionKey) -> Manifest | None:
        return self.inner.manifest(key)

    def put(self, record: ActionRecord) -> None:
        if self.access.write:
            self.inner.put(record)

    def forget(self, key: ActionKey) -> None:
        if self.access.write:
            self.inner.forget(key)

    def lock(self, key: ActionKey) -> AbstractContextManager[None]:
        return self.inner.lock(key)
