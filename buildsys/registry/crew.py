"""Threads that nobody has to wait for: a registry that doesn't answer holds up neither a build nor its end."""

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

_HEED_S = 0.2
"""How long it may take until somebody who stops is heard."""

T = TypeVar("T")
R = TypeVar("R")


def each(
    work: Callable[[T], R],
    items: Iterable[T],
    *,
    threads: int,
    within_s: float,
    stopped: threading.Event,
) -> Iterator[R]:
    """What `work` makes of the items, in the order in which it is done.

    Ends early when the time is over, or soon after it is `stopped`.

    What `work` raises is raised here.
    """
    todo: queue.SimpleQueue[T] = queue.SimpleQueue()
    done: queue.SimpleQueue[R | _Raised] = queue.SimpleQueue()
    ended = threading.Event()
    count = 0
    for item in items:
        todo.put(item)
        count += 1

    def run() -> None:
        while not ended.is_set():
            try:
                item = todo.get_nowait()
            except queue.Empty:
                return
            done.put(_outcome(work, item))

    for _ in range(min(threads, count)):
        threading.Thread(target=run, name="registry", daemon=True).start()
    deadline = time.monotonic() + within_s
    try:
        for _ in range(count):
            outcome = _awaited(done, deadline, stopped)
            if outcome is None:
                return
            yield _result(outcome)
    finally:
        ended.set()


def _awaited(
    done: "queue.SimpleQueue[R | _Raised]", deadline: float, stopped: threading.Event
) -> "R | _Raised | None":
    while not stopped.is_set():
        left = deadline - time.monotonic()
        try:
            return done.get(timeout=min(max(left, 0.0), _HEED_S))
        except queue.Empty:
            if left <= 0:
                return None
    return None


@dataclass(slots=True)
class Crew(Generic[T, R]):
    """Works beside its caller, from the first item on."""

    work: Callable[[T], R]
    threads: int
    _todo: "queue.SimpleQueue[T]" = field(default_factory=queue.SimpleQueue)
    _done: "queue.SimpleQueue[R | _Raised]" = field(default_factory=queue.SimpleQueue)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _given: int = 0
    _running: int = 0

    def give(self, item: T) -> None:
        """From any thread."""
        with self._lock:
            self._given += 1
            starts = self._running < self.threads
            self._running += starts
        self._todo.put(item)
        if starts:
            threading.Thread(target=self._run, name="registry", daemon=True).start()

    def results(self) -> list[R]:
        """Wait for all that was given; what `work` raised is raised here."""
        with self._lock:
            given, self._given = self._given, 0
        outcomes = [self._done.get() for _ in range(given)]
        return [_result(outcome) for outcome in outcomes]

    def _run(self) -> None:
        while True:
            self._done.put(_outcome(self.work, self._todo.get()))


@dataclass(frozen=True, slots=True)
class _Raised:
    error: BaseException


def _outcome(work: Callable[[T], R], item: T) -> "R | _Raised":
    try:
        return work(item)
    except BaseException as error:  # noqa: BLE001 - raised again where somebody waits for it
        return _Raised(error)


def _result(outcome: "R | _Raised") -> R:
    if isinstance(outcome, _Raised):
        raise outcome.error
    return outcome
