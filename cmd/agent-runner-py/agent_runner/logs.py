"""Logs: one JSON object a line on stderr, with the id of the request that caused it."""

import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime

import msgspec

from agent_runner import SERVICE

request_id: ContextVar[str] = ContextVar("request_id", default="")

# logging says WARNING and CRITICAL; the platform's services say warn and error.
_LEVEL_NAMES = {"WARNING": "warn", "CRITICAL": "error"}
_LEVEL_NUMBERS = {"warn": "WARNING"}


class JsonLines(logging.Formatter):
    """Fields of an event are passed as `extra={"fields": {…}}`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "level": _LEVEL_NAMES.get(record.levelname, record.levelname.lower()),
            "msg": record.getMessage(),
            "service": SERVICE,
        }
        if request_id.get():
            line["request_id"] = request_id.get()
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


def configure_logs(level: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=_LEVEL_NUMBERS.get(level, level.upper()), handlers=[handler])
    # asyncio and uvicorn speak of their own workings; ours are what an operator reads.
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
