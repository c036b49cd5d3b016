import asyncio

import pytest

from agent_runner.agent import answer
from agent_runner.conversation import Conversation, Reply, ToolRequest, Usage
from agent_runner.errors import StepFailed
from agent_runner.tools import TOOLS


class Script:
    """A model that replies what it was told to, and keeps what it was shown."""

    def __init__(self, *replies):
        self.replies = list(replies)
        self.shown = []

    async def reply(self, conversation):
        self.shown.append(conversation)
        return self.replies.pop(0)


def call(name, **arguments):
    return Reply(Usage(10, 1), tool_requests=(ToolRequest(name, arguments),))


def ask(model, max_turns=4):
    conversation = Conversation("prompt", "system", (TOOLS["word_count"],))
    return asyncio.run(answer(model, conversation, max_turns))


def test_the_model_is_shown_what_its_calls_gave():
    model = Script(call("word_count", text="a b"), Reply(Usage(20, 2), "two"))
    answered = ask(model)
    assert (answered.text, answered.turns, answered.usage) == ("two", 2, Usage(30, 3))
    assert answered.tool_calls[0].result["words"] == 2
    assert model.shown[0].calls == ()
    assert model.shown[1].calls[0].result["words"] == 2


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (call("calculator", expression="1"), "unknown_tool"),
        (call("word_count"), "invalid_arguments"),
    ],
)
def test_a_failed_call_is_told_and_the_model_goes_on(reply, code):
    model = Script(reply, Reply(Usage(), "sorry"))
    answered = ask(model)
    assert answered.text == "sorry"
    assert answered.tool_calls[0].result["error"].code == code
    assert model.shown[1].calls[0].error.code == code


def test_a_model_that_never_answers_is_stopped():
    model = Script(*[call("word_count", text="a")] * 3)
    with pytest.raises(StepFailed, match="no answer within 3 turns") as failed:
        ask(model, max_turns=3)
    assert not failed.value.retryable
    assert len(model.shown) == 3
