"""The live display of a terminal: what runs now, and for how long."""

import time
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.table import Table

from buildsys.events import (
    ActionEngine,
    ActionFinished,
    ActionOutput,
    ActionStarted,
    ActionStep,
    ActionVertex,
    BuildFinished,
    BuildStarted,
    Event,
    Noted,
    Outcome,
    Warned,
)
from buildsys.model.digest import ActionKey
from buildsys.reporting.sinks import who
from buildsys.reporting.text import duration

_LONGEST_STEP = 60
_STYLES = {Outcome.BUILT: "green", Outcome.FAILED: "red", Outcome.SKIPPED: "yellow"}


@dataclass(slots=True)
class _Running:
    title: str
    since: float
    step: str = ""


@dataclass(slots=True)
class LiveBoard:
    """One row for each action that runs, below the lines of what has ended."""

    console: Console
    _running: dict[ActionKey, _Running] = field(default_factory=dict)
    _ended: int = 0
    _total: int = 0
    _live: Live | None = None

    def emit(self, event: Event) -> None:
        match event:
            case BuildStarted(actions=actions):
                self._start(actions)
            case ActionStarted() | ActionStep():
                self._note_running(event)
            case ActionFinished():
                self._finish(event)
            case Warned() | Noted():
                self._say(event)
            case BuildFinished():
                self.close()
            case ActionOutput() | ActionVertex() | ActionEngine():
                pass  # in the logs, and on the screen where a step fails; in a profile

    def show(self, text: str) -> None:
        """Print what a failed step wrote, as it is."""
        self.console.print(text.rstrip(), markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _start(self, actions: int) -> None:
        self._total = actions
        if actions:
            self._live = Live(
                console=self.console,
                get_renderable=self._board,
                refresh_per_second=8,
                transient=True,
            )
            self._live.start()

    def _note_running(self, event: ActionStarted | ActionStep) -> None:
        if isinstance(event, ActionStarted):
            title = f"{event.layer} of {who(event.labels)}"
            self._running[event.key] = _Running(title, time.monotonic())
        elif event.key in self._running:
            self._running[event.key].step = event.name.splitlines()[0][:_LONGEST_STEP]

    def _say(self, event: Warned | Noted) -> None:
        style, word = ("yellow", "warning: ") if isinstance(event, Warned) else ("dim", "")
        self.console.print(f"{word}{event.message}", style=style, markup=False, highlight=False)

    def _finish(self, event: ActionFinished) -> None:
        self._running.pop(event.key, None)
        self._ended += 1
        style = _STYLES.get(event.outcome, "dim")
        about = f"{event.layer} of {who(event.labels)}  [dim]{duration(event.duration_s)}[/]"
        self.console.print(f"[{style}]{event.outcome:>7}[/]  {about}", highlight=False)

    def _board(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for running in self._running.values():
            table.add_row(
                f"[bold]{duration(time.monotonic() - running.since)}[/]",
                running.title,
                f"[dim]{running.step.replace('[', chr(92) + '[')}[/]",
            )
        table.add_row("", f"[dim]{self._ended} of {self._total} actions ended[/]", "")
        return table
