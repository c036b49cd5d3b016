"""Which tools a task calls for; one rule a tool.

A rule sees the calls made so far, since what was looked up is what the others work on.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any

from agent_runner.builtin.task import Task
from agent_runner.conversation import ToolCall, ToolRequest

Rule = Callable[[Task, Sequence[ToolCall]], Iterator[ToolRequest]]

# Sums and dates are looked for at the beginning only: the patterns are matched at every position.
_SCANNED_CHARACTERS = 10_000
# A turn is a handful of calls, however long the prompt.
_MAX_CALLS = 10
_NUMBER = re.compile(r"(?<![\w.-])-?\d{1,30}(?:\.\d{1,30})?(?![\w-])")
_CALL = r"(?:sqrt|sum|avg|min|max|abs|round)\("
# A number with the brackets and signs around it; then as many as there are operators between.
_OPERAND = rf"-?(?:(?:{_CALL}|\()\s*-?){{0,20}}\d{{1,30}}(?:\.\d{{1,30}})?(?:\s*\)){{0,20}}"
_EXPRESSION = re.compile(rf"(?<![\w.$]){_OPERAND}(?:\s*[-+*/^×÷,]\s*{_OPERAND}){{0,200}}")
_OPERATION = re.compile(r"[\d)]\s*[+*/^×÷]\s*[-(\da-z]|[\d)]\s+-\s+[(\da-z]|[a-z]\(")
_PERCENTAGE = re.compile(r"\b(\d{1,30}(?:\.\d{1,30})?)\s?%\s+of\s+(\d{1,30}(?:\.\d{1,30})?)")
_AGGREGATES = (
    ("sum", re.compile(r"\b(?:sum|total|add(?:\s+up)?)\b", re.IGNORECASE)),
    ("avg", re.compile(r"\b(?:average|mean)\b", re.IGNORECASE)),
    ("max", re.compile(r"\b(?:max|maximum|largest|highest|biggest)\b", re.IGNORECASE)),
    ("min", re.compile(r"\b(?:min|minimum|smallest|lowest)\b", re.IGNORECASE)),
)
_DATE = re.compile(r"\b\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])\b")
_PATH = re.compile(r"`(\$|\$?[\w.\[\]*-]+)`|(\$[\w.\[\]*-]*\w)|\b(\w+(?:\.(?:\w+|\*))+)")
_SEARCH = re.compile(
    r"\b(?:find|search|look\s+for|mentions?|occurrences?|contains?|where)\b[^\"“'‘`]{0,60}"
    r"[\"“'‘`]([^\"”'’`]{1,200})[\"”'’`]",
    re.IGNORECASE,
)
_SUMMARISE = re.compile(r"\b(?:summar(?:y|i[sz]e)|shorten|condense)\b", re.IGNORECASE)
_MEASURE = re.compile(
    r"\b(?:count|how\s+many|how\s+long|number\s+of|length)\b.{0,80}?\b(?:words?|characters|lines|sentences|text|is)\b"
    r"|\bword\s+count\b",
    re.IGNORECASE | re.DOTALL,
)
_KEYWORDS = re.compile(r"\b(?:key\s?words?|topics?|tags?|themes?)\b", re.IGNORECASE)


def asks_for_summary(task: Task) -> bool:
    return _SUMMARISE.search(task.instruction) is not None


def subjects(task: Task, calls: Sequence[ToolCall]) -> list[str]:
    """The texts the task is about: those that were looked up, or else what came with the prompt."""
    found = ["\n".join(filter(_is_text, values)) for values in _looked_up(calls)]
    return list(filter(None, found)) or [task.material]


def _looked_up(calls: Sequence[ToolCall]) -> list[list[Any]]:
    """What each look-up found; a single value is a list of one."""
    found = [call.result for call in calls if call.name in LOOK_UPS and call.error is None]
    return [result if isinstance(result, list) else [result] for result in found]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _calculator(task: Task, calls: Sequence[ToolCall]) -> Iterator[ToolRequest]:
    expressions = list(islice(_expressions(task), _MAX_CALLS)) or _aggregates(task, calls)
    for expression in expressions:
        yield ToolRequest("calculator", {"expression": expression})


def _expressions(task: Task) -> Iterator[str]:
    prose = task.prose[:_SCANNED_CHARACTERS]
    for percent, whole in _PERCENTAGE.findall(prose):
        yield f"{whole} * {percent} / 100"
    for found in _EXPRESSION.findall(_DATE.sub(" ", prose)):
        # Commas stand between a function's arguments, or between expressions.
        for expression in [found] if re.search(_CALL, found) else found.split(","):
            if _OPERATION.search(expression):
                yield _balanced(expression.replace("×", "*").replace("÷", "/").strip())


def _balanced(expression: str) -> str:
    """Without the brackets of the sentence around it, as in "(see 2 + 3)"."""
    while expression.endswith(")") and expression.count(")") > expression.count("("):
        expression = expression[:-1]
    while expression.startswith("(") and expression.count("(") > expression.count(")"):
        expression = expression[1:]
    return expression.strip()


def _aggregates(task: Task, calls: Sequence[ToolCall]) -> Iterator[str]:
    numbers = [f"{number:f}" for number in _numbers(task, calls)]
    for function, asked in _AGGREGATES:
        if len(numbers) > 1 and asked.search(task.instruction):
            yield f"{function}({', '.join(numbers)})"


def _numbers(task: Task, calls: Sequence[ToolCall]) -> list[Decimal]:
    values = [value for values in _looked_up(calls) for value in values]
    if not values and isinstance(task.document, list):
        values = task.document
    if values:
        # By way of text, since 0.1 is 0.1 there; a bool would pass for an int.
        return [Decimal(str(value)) for value in values if type(value) in (int, float)]
    return [Decimal(number) for number in _NUMBER.findall(task.prose[:_SCANNED_CHARACTERS])]


def _date_difference(task: Task, _: Sequence[ToolCall]) -> Iterator[ToolRequest]:
    dates = _DATE.findall(task.prose[:_SCANNED_CHARACTERS])
    if len(dates) > 1:
        yield ToolRequest("date_difference", {"from": dates[0], "to": dates[1]})


def _json_extract(task: Task, _: Sequence[ToolCall]) -> Iterator[ToolRequest]:
    if task.document is not None:
        for path in (_paths(task) or _mentioned_keys(task))[:_MAX_CALLS]:
            yield ToolRequest("json_extract", {"document": task.document, "path": path})


def _paths(task: Task) -> list[str]:
    return ["".join(groups) for groups in _PATH.findall(task.instruction)]


def _mentioned_keys(task: Task) -> list[str]:
    if not isinstance(task.document, dict):
        return []
    mentioned = set(re.findall(r"\w+", task.instruction.lower()))
    return [key for key in task.document if key.lower() in mentioned]


def _keywords(task: Task, calls: Sequence[ToolCall]) -> Iterator[ToolRequest]:
    if _KEYWORDS.search(task.instruction) or asks_for_summary(task):
        for text in subjects(task, calls):
            yield ToolRequest("keywords", {"text": text})


def _text_search(task: Task, calls: Sequence[ToolCall]) -> Iterator[ToolRequest]:
    found = _SEARCH.search(task.instruction)
    if found is None:
        return
    texts = subjects(task, calls)
    if texts == [task.instruction]:
        texts = [task.instruction[found.end() :]]
    for text in texts:
        yield ToolRequest("text_search", {"text": text, "query": found[1]})


def _word_count(task: Task, calls: Sequence[ToolCall]) -> Iterator[ToolRequest]:
    if _MEASURE.search(task.instruction) or asks_for_summary(task):
        for text in subjects(task, calls):
            yield ToolRequest("word_count", {"text": text})


# What a look-up finds is what the other rules work on, so it has a turn of its own.
LOOK_UPS: dict[str, Rule] = {"json_extract": _json_extract}
RULES: dict[str, Rule] = {
    "calculator": _calculator,
    "date_difference": _date_difference,
    "keywords": _keywords,
    "text_search": _text_search,
    "word_count": _word_count,
}
