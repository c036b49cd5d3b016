"""BuildKit's progress (`--progress=rawjson`): one JSON object a line, with vertexes, statuses and logs.

Format: moby/buildkit `client/graph.go`, `SolveStatus`. Lines that aren't JSON are buildctl's own errors.
"""

import base64
import contextlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from buildsys.events import Vertex
from buildsys.execution.ports import Progress


@dataclass(slots=True)
class SolveLog:
    """Follows one solve: tells `progress` what happens, and remembers what a failure needs."""

    progress: Progress
    error_lines: list[str] = field(default_factory=list)
    failed_step: str = ""
    _names: dict[str, str] = field(default_factory=dict)
    """Digest → name of what was told to have started."""
    _seen: dict[str, str] = field(default_factory=dict)
    """Digest → name of all vertexes."""

    def feed(self, line: str) -> None:
        """Take one line of buildctl's standard error."""
        try:
            status = json.loads(line)
        except ValueError:
            status = None
        if not isinstance(status, dict):
            if line.strip():
                self.error_lines.append(line.rstrip())
            return
        for vertex in _items(status, "vertexes"):
            self._vertex(vertex)
        for part in _items(status, "statuses"):
            self._ended(part, str(part.get("id", "")), self._seen.get(str(part.get("vertex")), ""))
        for log in _items(status, "logs"):
            with contextlib.suppress(ValueError):
                data = base64.b64decode(str(log.get("data", "")))
                self.progress.output(data.decode("utf-8", errors="replace"))

    def error(self) -> str:
        """What buildctl said at last, without what BuildKit wraps around it."""
        said = self.error_lines[-1] if self.error_lines else "buildctl failed"
        said = said.removeprefix("error: ").removeprefix("failed to solve: ")
        return f"{self.failed_step}: {_last_part(said)}" if self.failed_step else said

    def _vertex(self, vertex: dict[str, object]) -> None:
        digest, name = str(vertex.get("digest")), str(vertex.get("name", ""))
        self._seen[digest] = name
        self._ended(vertex, name)
        if vertex.get("started") and digest not in self._names and not vertex.get("cached"):
            self._names[digest] = name
            if not name.startswith("[internal]"):
                self.progress.step(name)
        # A cancelled sibling of a failed step has an error too: the first one is the cause.
        error = str(vertex.get("error", ""))
        internal = name.startswith("[internal]")
        if error and not internal and not self.failed_step and "context canceled" not in error:
            self.failed_step = name

    def _ended(self, item: dict[str, object], name: str, part_of: str = "") -> None:
        started, ended = _seconds(item.get("started")), _seconds(item.get("completed"))
        if started is not None and ended is not None:
            cached = item.get("cached") is True
            self.progress.vertex(Vertex(name, started, ended, cached=cached, part_of=part_of))


def _seconds(time: object) -> float | None:
    """A time of BuildKit (RFC 3339) as Unix time."""
    with contextlib.suppress(ValueError, OverflowError):
        return datetime.fromisoformat(time).timestamp() if isinstance(time, str) else None
    return None


def _items(status: dict[str, object], field_name: str) -> Iterable[dict[str, object]]:
    found = status.get(field_name)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _last_part(message: str) -> str:
    """`process "…" did not complete successfully: exit code: 1` repeats the step; its end is the news."""
    _, found, end = message.rpartition("did not complete successfully: ")
    return end if found else message
