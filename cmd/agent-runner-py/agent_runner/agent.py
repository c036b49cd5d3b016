"""The loop between a model and its tools."""

import asyncio

from agent_runner.conversation import (
    Conversation,
    Provider,
    ToolCall,
    ToolError,
    ToolRequest,
    Usage,
)
from agent_runner.errors import StepFailed, ToolFailed
from agent_runner.protocol import Answer, report
from agent_runner.tools.tool import Tool, call_tool


async def answer(provider: Provider, conversation: Conversation, max_turns: int) -> Answer:
    """Raise StepFailed when the model still asks for tools in its last turn."""
    usage = Usage()
    for turn in range(1, max_turns + 1):
        reply = await provider.reply(conversation)
        usage += reply.usage
        if not reply.tool_requests:
            calls = tuple(report(call) for call in conversation.calls)
            return Answer(reply.text, turn, calls, usage)
        if turn < max_turns:
            made = [await _call(conversation.tools, request) for request in reply.tool_requests]
            conversation = conversation.with_calls(tuple(made))
    raise StepFailed(f"no answer within {max_turns} turns; raise `max_turns`", retryable=False)


async def _call(tools: tuple[Tool, ...], request: ToolRequest) -> ToolCall:
    try:
        # A thread, because a tool may chew on megabytes while others ask for /health.
        result = await asyncio.to_thread(call_tool, tools, request.name, request.arguments)
    except ToolFailed as failure:
        error = ToolError(failure.code, str(failure))
        return ToolCall(request.name, request.arguments, error=error)
    return ToolCall(request.name, request.arguments, result)
