"""What a model is shown, and what it replies."""

from typing import Any, Protocol

from msgspec import Struct

from agent_runner.tools.tool import Tool


class Usage(Struct, frozen=True):
    input_tokens: int = 0
    output_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.input_tokens + other.input_tokens, self.output_tokens + other.output_tokens
        )


class ToolRequest(Struct, frozen=True):
    """The model wants a tool called; nothing about it has been checked."""

    name: str
    arguments: dict[str, Any]


class ToolError(Struct, frozen=True):
    code: str
    message: str


class ToolCall(Struct, frozen=True):
    """A call that was made; without a result when it has an error."""

    name: str
    arguments: dict[str, Any]
    result: Any = None
    error: ToolError | None = None


class Conversation(Struct, frozen=True):
    prompt: str
    system: str = ""
    tools: tuple[Tool, ...] = ()
    calls: tuple[ToolCall, ...] = ()

    def with_calls(self, calls: tuple[ToolCall, ...]) -> "Conversation":
        return Conversation(self.prompt, self.system, self.tools, self.calls + calls)


class Reply(Struct, frozen=True):
    """Either asks for tools, or ends the conversation with a text."""

    usage: Usage
    text: str = ""
    tool_requests: tuple[ToolRequest, ...] = ()


class Provider(Protocol):
    """A model. May be asked by several steps at once; keeps nothing between replies.

    Raises StepFailed when the model can't be reached or refuses, and is cancelled when the
    step's time is over.
    """

    async def reply(self, conversation: Conversation) -> Reply: ...
