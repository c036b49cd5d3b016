"""Shares engines out to solves: the one that a key prefers, as long as it is there and has room."""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from buildsys.engine.address import Engine, EngineSource
from buildsys.engine.asking import none_answers
from buildsys.errors import Interrupted
from buildsys.execution.rendezvous import ranked

T = TypeVar("T")


@dataclass(slots=True)
class _Member:
    engine: Engine
    running: int = 0
    answered: bool = False
    problem: str = ""
    """Why it isn't used; asked again only when no other is left."""
    asking: threading.Lock = field(default_factory=threading.Lock)


@dataclass(slots=True)
class EnginePool:
    """Leases engines, from any thread; `limit` is how many solves each one gets at a time.

    An engine is asked whether it answers when it is about to be used for the first time, and no sooner.
    """

    source: EngineSource
    limit: int | None
    warn: Callable[[str], None]
    _members: dict[str, _Member] | None = None
    _cancelled: bool = False
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _finding: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def lease(self, affinity: str, tried: Collection[str]) -> Iterator[Engine]:
        """The best engine for `affinity` that isn't among those `tried`, while the body runs.

        Raises:
            MachineError: none is left.
            Interrupted: `cancel` was called.
        """
        member = self._take(affinity, tried)
        try:
            yield member.engine
        finally:
            self._give_back(member)

    def lost(self, engine: Engine, problem: str) -> bool:
        """Use it no more, unless no other is left and it answers again; returns whether there are others."""
        member = self._all()[engine.address]
        with self._changed:
            new = not member.problem
            member.problem, member.answered = problem, False
            self._changed.notify_all()
        others = len(self._all()) > 1
        if new and others:
            self.warn(f"engine {engine.address}: {problem}; what it had to do goes to the others")
        return others

    def problems(self) -> Mapping[str, str]:
        """Why engines aren't used, by address."""
        return {name: one.problem for name, one in self._all().items() if one.problem}

    def cancel(self) -> None:
        """Lease nothing more; whoever waits for an engine is interrupted."""
        with self._changed:
            self._cancelled = True
            self._changed.notify_all()

    def _take(self, affinity: str, tried: Collection[str]) -> _Member:
        asked = set(tried)
        while True:
            member = self._reserve(affinity, asked)
            try:
                problem = self._problem(member)
            except BaseException:
                self._give_back(member)
                raise
            if not problem:
                return member
            self._give_back(member)
            self.lost(member.engine, problem)
            asked.add(member.engine.address)

    def _reserve(self, affinity: str, passed_over: Collection[str]) -> _Member:
        """Room on the best engine; waits until there is some on any."""
        members = self._all()
        order = [members[name] for name in ranked(affinity, members) if name not in passed_over]
        with self._changed:
            while not self._cancelled:
                usable = [one for one in order if not one.problem] or order
                if not usable:
                    raise none_answers(self.problems())
                free = next((one for one in usable if self._has_room(one)), None)
                if free is not None:
                    free.running += 1
                    return free
                self._changed.wait()
        raise Interrupted("interrupted")

    def _has_room(self, member: _Member) -> bool:
        return self.limit is None or member.running < self.limit

    def _give_back(self, member: _Member) -> None:
        with self._changed:
            member.running -= 1
            self._changed.notify_all()

    def _problem(self, member: _Member) -> str:
        """Ask the engine, once for all who want to know it at a time."""
        with member.asking:
            if member.answered:
                return ""
            problem = self.source.problem(member.engine)
            with self._changed:
                member.answered = not problem
                if member.answered:
                    member.problem = ""
            return problem

    def _all(self) -> dict[str, _Member]:
        with self._finding:
            if self._members is None:
                found = self.source.engines()
                self._members = {engine.address: _Member(engine) for engine in found}
            return self._members
