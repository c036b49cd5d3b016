"""Where a text says something; plain text, since a model's regular expression might never end."""

from typing import Annotated, Any

from msgspec import Meta

from agent_runner.tools.tool import Arguments, Tool


class TextSearchArguments(Arguments, frozen=True):
    text: Annotated[str, Meta(description="the text to search in")]
    query: Annotated[str, Meta(min_length=1, max_length=1000, description="what to look for")]
    case_sensitive: bool = False
    limit: Annotated[int, Meta(ge=1, le=1000, description="how many lines to return")] = 20


def search_text(arguments: TextSearchArguments) -> dict[str, Any]:
    def folded(text: str) -> str:
        return text if arguments.case_sensitive else text.lower()

    query = folded(arguments.query)
    matches = [
        {"line": number, "text": line.strip()[:500]}
        for number, line in enumerate(arguments.text.splitlines(), start=1)
        if query in folded(line)
    ]
    return {"count": folded(arguments.text).count(query), "matches": matches[: arguments.limit]}


TEXT_SEARCH = Tool(
    name="text_search",
    description="Counts the occurrences of a phrase in a text and returns the lines it is in",
    arguments=TextSearchArguments,
    run=search_text,
)
