import pytest

from agent_runner.errors import ToolFailed
from agent_runner.tools import TOOLS
from agent_runner.tools.tool import call_tool


def call(name, **arguments):
    return call_tool(tuple(TOOLS.values()), name, arguments)


def test_word_count():
    counted = call("word_count", text="It's well-known. Isn't it?\n\nYes")
    assert counted == {"words": 5, "characters": 31, "lines": 3, "sentences": 3}


def test_keywords_are_ranked_by_count_then_name():
    text = "The cache keeps layers. Layers in the cache are kept by the builder."
    assert call("keywords", text=text, limit=3) == [
        {"word": "cache", "count": 2},
        {"word": "layers", "count": 2},
        {"word": "builder", "count": 1},
    ]


def test_text_search():
    text = "One cache\nnone\n two Caches of one cache"
    assert call("text_search", text=text, query="cache") == {
        "count": 3,
        "matches": [
            {"line": 1, "text": "One cache"},
            {"line": 3, "text": "two Caches of one cache"},
        ],
    }
    assert call("text_search", text=text, query="Cache", case_sensitive=True)["count"] == 1
    assert len(call("text_search", text=text, query="cache", limit=1)["matches"]) == 1


def test_date_difference():
    arguments = {"from": "2024-02-28", "to": "2024-03-14"}
    assert call("date_difference", **arguments) == {"days": 15, "whole_weeks": 2}
    arguments = {"from": "2024-03-14", "to": "2024-02-28"}
    assert call("date_difference", **arguments)["days"] == -15


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$", {"items": [{"n": 1}, {"n": 2}], "a-b": None}),
        ("", {"items": [{"n": 1}, {"n": 2}], "a-b": None}),
        ("items.0.n", 1),
        ("$.items[1].n", 2),
        ("items.*.n", [1, 2]),
        ("a-b", None),
    ],
)
def test_json_extract(path, value):
    document = {"items": [{"n": 1}, {"n": 2}], "a-b": None}
    assert call("json_extract", document=document, path=path) == value
    text = '{"items": [{"n": 1}, {"n": 2}], "a-b": null}'
    assert call("json_extract", document=text, path=path) == value


@pytest.mark.parametrize(
    ("document", "path", "message"),
    [
        ({"b": 1, "a": 2}, "c", "no `c` in an object of `a`, `b`"),
        ([1], "1", "no `1` in a list of 1"),
        ([1], "-1", "no `-1` in a list of 1"),
        ("3", "a", "no `a` in 3"),
        ("3", "*", "`*` needs a list or an object, not 3"),
        ("{", "a", "the document is not JSON: Input data was truncated"),
    ],
)
def test_json_extract_without_a_value(document, path, message):
    with pytest.raises(ToolFailed) as failed:
        call("json_extract", document=document, path=path)
    assert str(failed.value) == message


def test_documents_too_deep_to_read_are_refused():
    with pytest.raises(ToolFailed, match="the document is not JSON"):
        call("json_extract", document="[" * 100_000, path="0")


@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [
        ("telephone", {}, "unknown_tool"),
        ("word_count", {}, "invalid_arguments"),
        ("word_count", {"text": 3}, "invalid_arguments"),
        ("word_count", {"text": "a", "language": "en"}, "invalid_arguments"),
        ("keywords", {"text": "a", "limit": 0}, "invalid_arguments"),
        ("date_difference", {"from": "2024-02-30", "to": "2024-03-01"}, "invalid_arguments"),
    ],
)
def test_calls_are_checked(name, arguments, code):
    with pytest.raises(ToolFailed) as failed:
        call_tool(tuple(TOOLS.values()), name, arguments)
    assert failed.value.code == code


def test_schemas_are_complete_in_themselves():
    assert TOOLS["keywords"].describe()["parameters"] == {
        "type": "object",
        "properties": {
            "text": {"type": "string", "description": "the text to look through"},
            "limit": {
                "type": "integer",
                "minimum": 1,
                "maximum": 100,
                "default": 5,
                "description": "how many keywords at most",
            },
        },
        "required": ["text"],
        "additionalProperties": False,
    }
    assert TOOLS["date_difference"].describe()["parameters"]["required"] == ["from", "to"]
