import asyncio

import pytest

from agent_runner.agent import answer
from agent_runner.builtin.model import BuiltinModel, think
from agent_runner.builtin.task import read_task
from agent_runner.conversation import Conversation
from agent_runner.tools import TOOLS

TEXT = "Caching keeps results. A cache keeps results near. Dogs bark. The cache must be whole."


def ask(prompt, tools=tuple(TOOLS), system=""):
    offered = tuple(TOOLS[name] for name in tools)
    return asyncio.run(answer(BuiltinModel(), Conversation(prompt, system, offered), max_turns=8))


@pytest.mark.parametrize(
    ("prompt", "tools", "text", "turns"),
    [
        ("What is (2 + 3) * 4?", ["calculator"], "(2 + 3) * 4 = 20.", 2),
        ("What is 15% of 80, please", ["calculator"], "80 * 15 / 100 = 12.", 2),
        ("Work out 6 × 7, then 8 ÷ 2.", ["calculator"], "6 * 7 = 42. 8 / 2 = 4.", 2),
        ("Compute sqrt(16) + 1 (or so)", ["calculator"], "sqrt(16) + 1 = 5.", 2),
        ("Is (see 2 + 3) 5 right", ["calculator"], "2 + 3 = 5.", 2),
        ("The sum of 3, 4 and 5", ["calculator"], "sum(3, 4, 5) = 12.", 2),
        ("What is 1 / 0?", ["calculator"], "calculator failed: division by zero.", 2),
        ("How many words: one two three", ["word_count"], "The text has 3 words in 1 sentence.", 2),
        (
            "Days between 2026-01-01 and 2026-03-01?",
            ["date_difference", "calculator"],
            "From 2026-01-01 to 2026-03-01 it is 59 days.",
            2,
        ),
        (
            'Find "cache" in: one cache\nmore\nCaches',
            ["text_search"],
            "“cache” occurs 2 times (lines 1, 3).",
            2,
        ),
        ('Read `a.0` from {"a": [7]}', ["json_extract"], "`a.0` is 7.", 2),
        ('Read `$` from {"error": 3}', ["json_extract"], '`$` is {"error":3}.', 2),
        (
            'Read `b` from {"a": 7}',
            ["json_extract"],
            "json_extract failed: no `b` in an object of `a`.",
            2,
        ),
    ],
)
def test_answers(prompt, tools, text, turns):
    answered = ask(prompt, tools)
    assert (answered.text, answered.turns) == (text, turns)


def test_what_was_looked_up_is_worked_on_in_the_next_turn():
    answered = ask('Add up the prices in {"prices": [1, 2.5, 0.1], "n": 3}')
    assert answered.turns == 3
    assert [call.name for call in answered.tool_calls] == ["json_extract", "calculator"]
    assert answered.tool_calls[1].arguments == {"expression": "sum(1, 2.5, 0.1)"}
    assert answered.text.endswith("sum(1, 2.5, 0.1) = 3.6.")


def test_the_looked_up_text_is_the_one_that_is_measured():
    answered = ask('Count the words of the body in {"body": "one two", "id": 1}', ["word_count"])
    assert answered.tool_calls[0].arguments == {"text": '{"body": "one two", "id": 1}'}
    answered = ask('Count the words of the body in {"body": "one two", "id": 1}')
    assert answered.tool_calls[1].arguments == {"text": "one two"}


def test_a_summary_is_the_sentences_that_say_most():
    assert ask(f"Summarise {TEXT}", []).text == "Caching keeps results. A cache keeps results near."
    one = ask(f"Summarise in one sentence: {TEXT}", [])
    assert one.text == "A cache keeps results near."
    bullets = ask(f"Summarise {TEXT}", ["word_count"], system="Use bullets.")
    assert bullets.text == (
        "- Caching keeps results.\n- A cache keeps results near.\n"
        "- The text has 15 words in 4 sentences."
    )


def test_without_a_fitting_tool_the_gist_is_the_answer():
    answered = ask("Tell me about caching.", ["calculator"])
    assert (answered.text, answered.turns, answered.tool_calls) == ("Tell me about caching.", 1, ())


def test_the_same_conversation_gets_the_same_reply():
    conversation = Conversation(f"Summarise {TEXT}", "", tuple(TOOLS.values()))
    assert think(conversation) == think(conversation)


def test_usage_grows_with_every_turn():
    once = ask("What is 2 + 2?", []).usage
    twice = ask("What is 2 + 2?", ["calculator"]).usage
    assert (once.input_tokens, once.output_tokens) == (6, 6)
    assert twice.input_tokens > 2 * once.input_tokens


def test_a_long_prompt_asks_for_a_handful_of_calls():
    prompt = " and ".join(f"{number} + 1" for number in range(100))
    assert len(ask(prompt).tool_calls) == 10


@pytest.mark.parametrize("prompt", ["[NaN] 2 + 2", "[" * 50_000, '{"a": "\\ud800"} a', "{" * 30])
def test_brackets_that_are_no_document(prompt):
    assert read_task(prompt).document is None
