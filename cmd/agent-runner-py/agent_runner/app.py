"""The HTTP side: routes, errors as JSON, and a log line for every request."""

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent_runner import SERVICE
from agent_runner.agent import answer
from agent_runner.conversation import Conversation, Provider
from agent_runner.errors import RequestRefused, StepFailed, invalid_step
from agent_runner.lifecycle import Lifecycle
from agent_runner.logs import request_id
from agent_runner.protocol import (
    AgentStep,
    Failed,
    Succeeded,
    decode_request,
    decode_step,
    decode_timeout_s,
)
from agent_runner.tools.tool import Tool

_log = logging.getLogger(__name__)
# Anything else could break a log line or a header apart.
_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")


class AgentRunner:
    def __init__(
        self,
        tools: Mapping[str, Tool],
        providers: Mapping[str, Provider],
        lifecycle: Lifecycle,
        max_body_bytes: int,
    ) -> None:
        self._tools = tools
        self._providers = providers
        self._lifecycle = lifecycle
        self._max_body_bytes = max_body_bytes

    async def health(self, _: Request) -> Response:
        if self._lifecycle.stopping:
            return _json({"status": "stopping", "service": SERVICE}, 503)
        return _json({"status": "ok", "service": SERVICE})

    async def list_tools(self, _: Request) -> Response:
        return _json({"tools": [tool.describe() for tool in self._tools.values()]})

    async def execute(self, request: Request) -> Response:
        with self._lifecycle.working():
            body = await self._read_body(request)
            step_request = decode_request(body)
            step = decode_step(step_request)
            timeout_s = decode_timeout_s(step_request)
            conversation = Conversation(step.prompt_text, step.system, self._offered(step))
            provider = self._provider(step)
            outcome = await _execute(provider, conversation, step.max_turns, timeout_s)
            _log_outcome(step_request.run_id, step_request.step_id, outcome)
            return _json(outcome)

    async def _read_body(self, request: Request) -> bytes:
        chunks: list[bytes] = []
        size_bytes = 0
        async for chunk in request.stream():
            size_bytes += len(chunk)
            if size_bytes > self._max_body_bytes:
                raise RequestRefused(
                    413, "too_large", f"the body is larger than {self._max_body_bytes} bytes"
                )
            chunks.append(chunk)
        return b"".join(chunks)

    def _offered(self, step: AgentStep) -> tuple[Tool, ...]:
        unknown = [f"`{name}`" for name in step.tools if name not in self._tools]
        if unknown:
            known = ", ".join(sorted(self._tools))
            raise invalid_step(f"with: no tool {', '.join(unknown)}; there are {known}")
        return tuple(self._tools[name] for name in dict.fromkeys(step.tools))

    def _provider(self, step: AgentStep) -> Provider:
        if step.provider not in self._providers:
            known = ", ".join(sorted(self._providers))
            raise invalid_step(f"with: no provider `{step.provider}`; there are {known}")
        return self._providers[step.provider]


def build_app(runner: AgentRunner) -> ASGIApp:
    app = Starlette(
        routes=[
            Route("/health", runner.health, methods=["GET"]),
            Route("/v1/tools", runner.list_tools, methods=["GET"]),
            Route("/v1/execute", runner.execute, methods=["POST"]),
        ],
        exception_handlers={
            RequestRefused: _refuse,
            HTTPException: _refuse_route,
            Exception: _refuse_after_bug,
        },
    )
    # Around all of it, so that the answer to a bug has its request's id and log line, too.
    return RequestLog(app)


class RequestLog:
    """Gives each request its id, passes it on in the answer, and logs what became of it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked_as = Headers(scope=scope).get("x-request-id", "")
        request_id.set(asked_as if _REQUEST_ID.fullmatch(asked_as) else secrets.token_hex(8))
        started_s = time.perf_counter()
        status = 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = request_id.get()
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            _log_request(scope, status, time.perf_counter() - started_s)


async def _execute(
    provider: Provider, conversation: Conversation, max_turns: int, timeout_s: float
) -> Succeeded | Failed:
    try:
        async with asyncio.timeout(timeout_s):
            return Succeeded(await answer(provider, conversation, max_turns))
    except TimeoutError:
        return Failed(f"no answer within {timeout_s:g}s", retryable=True)
    except StepFailed as failure:
        return Failed(str(failure), retryable=failure.retryable)


def _log_outcome(run_id: str, step_id: str, outcome: Succeeded | Failed) -> None:
    fields: dict[str, Any] = {"run_id": run_id, "step_id": step_id, "status": outcome.status}
    match outcome:
        case Succeeded(output=output):
            fields |= {"turns": output.turns, "tool_calls": len(output.tool_calls)}
            fields |= msgspec.to_builtins(output.usage)
        case Failed(error=error, retryable=retryable):
            fields |= {"error": error, "retryable": retryable}
    _log.info("executed", extra={"fields": fields})


def _log_request(scope: Scope, status: int, duration_s: float) -> None:
    # Probes ask every few seconds and would bury everything else.
    level = logging.DEBUG if scope["path"] == "/health" else logging.INFO
    fields = {
        "method": scope["method"],
        "path": scope["path"],
        "status": status,
        "duration_ms": round(duration_s * 1000, 1),
    }
    _log.log(level, "request", extra={"fields": fields})


def _json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def _error(status: int, code: str, message: str) -> Response:
    return _json({"error": {"code": code, "message": message}}, status)


async def _refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestRefused)
    return _error(error.status, error.code, str(error))


async def _refuse_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    codes = {404: "not_found", 405: "method_not_allowed"}
    code = codes.get(error.status_code, "refused")
    detail = f"{request.method} {request.url.path}: {error.detail}"
    response = _error(error.status_code, code, detail)
    response.headers.update(error.headers or {})
    return response


async def _refuse_after_bug(_: Request, __: Exception) -> Response:
    return _error(500, "internal", "the agent runner failed; its log says why")
