"""Notices an engine that fell silent: its machine is gone, or the network between.

A connection that is cut breaks; one whose other end just stops answering lasts as long as the kernel waits,
and buildctl with it.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from buildsys.engine.address import Engine
from buildsys.engine.asking import ANSWER_S, answers

QUIET_S = 20.0
"""Steps that print nothing are usual: only then is the engine asked, which costs 20 ms."""
_UNANSWERED = 2
"""Times in a row: one that is merely overloaded answers once."""


@dataclass(slots=True)
class Watch:
    """Watches one solve; calls `give_up` when its engine doesn't answer any longer."""

    engine: Engine
    give_up: Callable[[], None]
    quiet_s: float = QUIET_S
    answer_s: float = ANSWER_S
    problem: str = ""
    """Why it was given up."""
    _heard: threading.Event = field(default_factory=threading.Event)
    _ended: threading.Event = field(default_factory=threading.Event)

    def heard(self) -> None:
        """The engine said something."""
        self._heard.set()

    @contextmanager
    def watching(self) -> Iterator["Watch"]:
        threading.Thread(target=self._watch, name="watch", daemon=True).start()
        try:
            yield self
        finally:
            self._ended.set()

    def _watch(self) -> None:
        unanswered = 0
        while not self._ended.wait(self.quiet_s):
            if self._heard.is_set():
                self._heard.clear()
                unanswered = 0
                continue
            problem = answers(self.engine, self.answer_s)
            unanswered = unanswered + 1 if problem else 0
            if unanswered == _UNANSWERED:
                self.problem = problem
                self.give_up()
                return
