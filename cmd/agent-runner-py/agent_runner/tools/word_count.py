"""How long a text is."""

from typing import Annotated

from msgspec import Meta

from agent_runner.text import sentences, words
from agent_runner.tools.tool import Arguments, Tool


class WordCountArguments(Arguments, frozen=True):
    text: Annotated[str, Meta(description="the text to measure")]


def count_words(arguments: WordCountArguments) -> dict[str, int]:
    return {
        "words": len(words(arguments.text)),
        "characters": len(arguments.text),
        "lines": len(arguments.text.splitlines()),
        "sentences": len(sentences(arguments.text)),
    }


WORD_COUNT = Tool(
    name="word_count",
    description="Counts the words, characters, lines and sentences of a text",
    arguments=WordCountArguments,
    run=count_words,
)
