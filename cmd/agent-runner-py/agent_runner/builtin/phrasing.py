"""The built-in model's answer, out of the task and what the tools found."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from agent_runner.builtin.rules import asks_for_summary, subjects
from agent_runner.builtin.task import Task
from agent_runner.conversation import ToolCall
from agent_runner.text import sentences, significant_words

_COUNTED = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
_SENTENCE_COUNT = re.compile(
    r"\b(one|two|three|four|five|[1-9])[\s-](?:\w+\s)?(?:sentences?|bullets?)\b", re.IGNORECASE
)
_BULLETS = re.compile(r"\bbullet", re.IGNORECASE)
# More sentences than that are not weighed against each other.
_MAX_WEIGHED = 500
_MAX_QUOTED = 300


def phrase(task: Task, system: str, calls: Sequence[ToolCall]) -> str:
    wishes = f"{system}\n{task.instruction}"
    statements = [_state(call) for call in calls]
    if asks_for_summary(task) or not statements:
        count = _wanted_sentences(wishes)
        gists = [_gist(text, count) for text in subjects(task, calls)]
        statements = [sentence for gist in gists for sentence in gist] + statements
    if _BULLETS.search(wishes):
        return "\n".join(f"- {statement}" for statement in statements)
    return " ".join(statements)


def _wanted_sentences(wishes: str) -> int:
    found = _SENTENCE_COUNT.search(wishes)
    if found is None:
        return 2
    return _COUNTED.get(found[1].lower()) or int(found[1])


def _gist(text: str, count: int) -> list[str]:
    """The sentences that say most of what the text says often, in the order of the text."""
    candidates = sentences(text)[:_MAX_WEIGHED]
    frequency = Counter(significant_words(" ".join(candidates)))

    def weight(position: int) -> float:
        found = significant_words(candidates[position])
        return sum(frequency[word] for word in found) / (len(found) + 3)

    heaviest = sorted(range(len(candidates)), key=lambda position: (-weight(position), position))
    return [_quoted(candidates[position]) for position in sorted(heaviest[:count])]


def _state(call: ToolCall) -> str:
    if call.error is not None:
        return f"{call.name} failed: {call.error.message}."
    return _STATEMENTS.get(call.name, _state_any)(call)


def _state_any(call: ToolCall) -> str:
    return f"{call.name} gave {_compact(call.result)}."


def _state_calculation(call: ToolCall) -> str:
    return f"{_quoted(call.arguments['expression'])} = {_compact(call.result)}."


def _state_days(call: ToolCall) -> str:
    return (
        f"From {call.arguments['from']} to {call.arguments['to']}"
        f" it is {_number_of(call.result['days'], 'day')}."
    )


def _state_value(call: ToolCall) -> str:
    return f"`{call.arguments['path']}` is {_compact(call.result)}."


def _state_keywords(call: ToolCall) -> str:
    return f"Keywords: {', '.join(entry['word'] for entry in call.result) or 'none'}."


def _state_matches(call: ToolCall) -> str:
    lines = ", ".join(str(match["line"]) for match in call.result["matches"])
    where = f" (lines {lines})" if lines else ""
    return f"“{call.arguments['query']}” occurs {_number_of(call.result['count'], 'time')}{where}."


def _state_length(call: ToolCall) -> str:
    return (
        f"The text has {_number_of(call.result['words'], 'word')}"
        f" in {_number_of(call.result['sentences'], 'sentence')}."
    )


_STATEMENTS: dict[str, Callable[[ToolCall], str]] = {
    "calculator": _state_calculation,
    "date_difference": _state_days,
    "json_extract": _state_value,
    "keywords": _state_keywords,
    "text_search": _state_matches,
    "word_count": _state_length,
}


def _number_of(count: int, noun: str) -> str:
    return f"{count} {noun}" if abs(count) == 1 else f"{count} {noun}s"


def _compact(value: Any) -> str:
    return _quoted(value if isinstance(value, str) else msgspec.json.encode(value).decode())


def _quoted(text: str) -> str:
    return text if len(text) <= _MAX_QUOTED else f"{text[: _MAX_QUOTED - 1]}…"
