"""What a text speaks of most."""

from collections import Counter
from typing import Annotated, Any

from msgspec import Meta

from agent_runner.text import significant_words
from agent_runner.tools.tool import Arguments, Tool


class KeywordsArguments(Arguments, frozen=True):
    text: Annotated[str, Meta(description="the text to look through")]
    limit: Annotated[int, Meta(ge=1, le=100, description="how many keywords at most")] = 5


def find_keywords(arguments: KeywordsArguments) -> list[dict[str, Any]]:
    counts = Counter(significant_words(arguments.text))
    ranked = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return [{"word": word, "count": count} for word, count in ranked[: arguments.limit]]


KEYWORDS = Tool(
    name="keywords",
    description="Lists the most frequent significant words of a text",
    arguments=KeywordsArguments,
    run=find_keywords,
)
