"""The execute protocol: what a worker is asked, and what it answers."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from agent_runner.conversation import ToolCall, Usage
from agent_runner.durations import parse_duration_s
from agent_runner.errors import RequestRefused, invalid_step

Name = Annotated[str, Meta(min_length=1, max_length=512)]


class StepRequest(Struct, frozen=True):
    run_id: Name
    step_id: Name
    type: str
    with_: msgspec.Raw = field(name="with")
    attempt: Annotated[int, Meta(ge=1)] = 1
    timeout: str = "60s"


class AgentStep(Struct, frozen=True, forbid_unknown_fields=True):
    """`with` of an agent step.

    A prompt that is a single reference becomes the referenced value itself, so it may be any JSON.
    """

    prompt: Any
    system: str = ""
    tools: tuple[str, ...] = ()
    max_turns: Annotated[int, Meta(ge=1, le=32)] = 4
    provider: str = "builtin"

    @property
    def prompt_text(self) -> str:
        if isinstance(self.prompt, str):
            return self.prompt
        return msgspec.json.encode(self.prompt).decode()


class ReportedCall(Struct, frozen=True):
    """A tool call as the platform knows it: `result` is `{"error": …}` when the call failed."""

    name: str
    arguments: dict[str, Any]
    result: Any


class Answer(Struct, frozen=True):
    text: str
    turns: int
    tool_calls: tuple[ReportedCall, ...]
    usage: Usage


class Succeeded(Struct, frozen=True):
    output: Answer
    status: Literal["succeeded"] = "succeeded"


class Failed(Struct, frozen=True):
    error: str
    retryable: bool
    status: Literal["failed"] = "failed"


def report(call: ToolCall) -> ReportedCall:
    result = call.result if call.error is None else {"error": call.error}
    return ReportedCall(call.name, call.arguments, result)


def decode_request(body: bytes) -> StepRequest:
    try:
        return msgspec.json.decode(body, type=StepRequest)
    except (msgspec.DecodeError, RecursionError) as error:
        raise RequestRefused(400, "invalid_request", str(error)) from None


def decode_step(request: StepRequest) -> AgentStep:
    if request.type != "agent":
        raise invalid_step(f"type `{request.type}` is not executed here, only `agent`")
    try:
        step = msgspec.json.decode(request.with_, type=AgentStep)
    except (msgspec.DecodeError, RecursionError) as error:
        raise invalid_step(f"with: {error}") from None
    if step.prompt is None or not step.prompt_text.strip():
        raise invalid_step("with: `prompt` is empty")
    return step


def decode_timeout_s(request: StepRequest) -> float:
    try:
        return parse_duration_s(request.timeout)
    except ValueError as error:
        raise invalid_step(f"timeout: {error}") from None
