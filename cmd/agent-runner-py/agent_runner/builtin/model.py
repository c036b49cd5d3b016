"""The provider `builtin`: the same conversation always gets the same reply."""

import asyncio

import msgspec

from agent_runner.builtin.phrasing import phrase
from agent_runner.builtin.rules import LOOK_UPS, RULES, Rule
from agent_runner.builtin.task import Task, read_task
from agent_runner.conversation import Conversation, Reply, ToolRequest, Usage
from agent_runner.text import count_tokens


class BuiltinModel:
    async def reply(self, conversation: Conversation) -> Reply:
        # A thread, because a prompt may be megabytes long while others ask for /health.
        return await asyncio.to_thread(think, conversation)


def think(conversation: Conversation) -> Reply:
    task = read_task(conversation.prompt)
    requests = _open_requests(LOOK_UPS, task, conversation)
    if not requests:
        requests = _open_requests(RULES, task, conversation)
    text = "" if requests else phrase(task, conversation.system, conversation.calls)
    return Reply(_usage(conversation, requests, text), text, requests)


def _open_requests(
    rules: dict[str, Rule], task: Task, conversation: Conversation
) -> tuple[ToolRequest, ...]:
    """What the offered tools could tell and haven't been asked; each is asked once."""
    offered = {tool.name for tool in conversation.tools}
    asked = [(call.name, call.arguments) for call in conversation.calls]
    requests: list[ToolRequest] = []
    for name in sorted(offered & rules.keys()):
        for request in rules[name](task, conversation.calls):
            if (request.name, request.arguments) not in asked and request not in requests:
                requests.append(request)
    return tuple(requests)


def _usage(conversation: Conversation, requests: tuple[ToolRequest, ...], text: str) -> Usage:
    read = [conversation.system, conversation.prompt]
    read += (
        [_written([tool.describe() for tool in conversation.tools])] if conversation.tools else []
    )
    read += [_written(call) for call in conversation.calls]
    written = [text, *(_written(request) for request in requests)]
    return Usage(sum(map(count_tokens, read)), sum(map(count_tokens, written)))


def _written(value: object) -> str:
    return msgspec.json.encode(value).decode()
