"""YAML means what is written, and no text takes long or ends in anything but a refusal."""

import json

import pytest

from buildsys.errors import BuildFileError
from buildsys.loading.nodes import Entries, Items, Node, Scalar, node_of
from buildsys.loading.yaml_nodes import MAX_CHARACTERS, MAX_DEPTH, MAX_NODES, parse


def node(text: str) -> Node:
    return node_of(parse(text), "BUILD.yaml")


def refused(text: str) -> str:
    with pytest.raises(BuildFileError) as caught:
        node(text)
    assert caught.value.hint
    return str(caught.value)


MEANINGS: dict[str, str | int | bool | None] = {
    "true": True,
    "false": False,
    "True": "True",
    "TRUE": "TRUE",
    "no": "no",
    "yes": "yes",
    "on": "on",
    "off": "off",
    "y": "y",
    "n": "n",
    "No": "No",
    "null": None,
    "~": None,
    "Null": "Null",
    "NULL": "NULL",
    "0": 0,
    "7": 7,
    "-1": -1,
    "+1": 1,
    "8081": 8081,
    "0123": "0123",
    "00": "00",
    "0o14": "0o14",
    "0x1F": "0x1F",
    "0b1": "0b1",
    "1_000": "1_000",
    "1.10": "1.10",
    "1.0": "1.0",
    "1e3": "1e3",
    ".inf": ".inf",
    ".nan": ".nan",
    "22:22": "22:22",
    "1:2:3": "1:2:3",
    "190:20:30": "190:20:30",
    "2024-01-01": "2024-01-01",
    "2001-12-14t21:59:43.10-05:00": "2001-12-14t21:59:43.10-05:00",
    "=": "=",
    "1000:1000": "1000:1000",
    "15MB": "15MB",
    "a b": "a b",
    "'no'": "no",
    '"true"': "true",
    "'8081'": "8081",
    '"null"': "null",
    "''": "",
    '"~"': "~",
    '"a\\tb"': "a\tb",
    '"caf\\u00e9"': "café",
    "9" * 18: int("9" * 18),
    "9" * 19: "9" * 19,
    "1" * 5000: "1" * 5000,
    "it's": "it's",
    "a#b": "a#b",
    "http://x/y?z": "http://x/y?z",
    "//cmd/api": "//cmd/api",
    ":api": ":api",
    "-x": "-x",
    "x # y": "x",
    "naïve": "naïve",
    "日本": "日本",
}


@pytest.mark.parametrize("written", MEANINGS)
def test_a_scalar_means_what_is_written(written: str) -> None:
    found = node(f"key: {written}\n")
    assert isinstance(found, Entries)
    value = found.nodes["key"]
    assert isinstance(value, Scalar)
    assert value.value == MEANINGS[written]
    assert type(value.value) is type(MEANINGS[written])


@pytest.mark.parametrize("key", ["no", "on", "y", "true", "null", "1", "1.0", "0123", "22:22", "="])
def test_keys_are_texts_as_written(key: str) -> None:
    found = node(f"{key}: x\n")
    assert isinstance(found, Entries)
    assert list(found.nodes) == [key]


def test_nodes_know_their_place() -> None:
    found = node("a: 1\nb:\n  - x\n  - {c: yy}\n")
    assert isinstance(found, Entries)
    items = found.nodes["b"]
    assert isinstance(items, Items)
    assert [str(one.at) for one in (*items.nodes, items)] == [
        "BUILD.yaml:3:5",
        "BUILD.yaml:4:5",
        "BUILD.yaml:3:3",
    ]
    assert str(found.keys["b"]) == "BUILD.yaml:2:1"


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_every_line_break_counts_as_one(line_break: str) -> None:
    found = node(line_break.join(["# comment", "", "a: b", ""]))
    assert isinstance(found, Entries)
    assert str(found.nodes["a"].at) == "BUILD.yaml:3:4"


def test_plain_values_survive_json() -> None:
    text = "a: [1, {b: 'no'}, ~]\nc:\n"
    assert node_of(json.loads(json.dumps(parse(text))), "p") == node_of(parse(text), "p")
    broken = json.loads(json.dumps(parse("a: &b c")))
    with pytest.raises(BuildFileError, match="anchors"):
        node_of(broken, "p")


@pytest.mark.parametrize(
    "text", ["", "\n\n", "# only a comment\n", "---\n", "---\n...\n", "\ufeff"]
)
def test_an_empty_document_is_a_missing_value(text: str) -> None:
    found = node(text)
    assert isinstance(found, Scalar)
    assert found.value is None


REFUSED = {
    "a: &x 1\nb: *x": "1:4: anchors",
    "a: [1]\nb: *x": "2:4: aliases",
    "&a [*a]": "1:1: anchors",
    "a: !!python/object/apply:os.system [id]": "1:4: tags",
    "a: !!str 1": "1:4: tags",
    "!foo\na: b": "1:1: tags",
    "a: ! b": "1:4: tags",
    "a: {b: 1}\nc: {<<: {d: 1}}": "2:5: merge keys",
    "a: 1\n---\nb: 2": "2:1: a second document",
    "a: 1\n...\n---\nb: 2": "3:1: a second document",
    "%YAML 1.1\n---\na: 1": "1:1: directives",
    "%TAG ! tag:x,2000:\n---\na: 1": "1:1: directives",
    "? [a, b]\n: c": "1:3: a key has to be",
    "{a: 1}: b": "1:1: a key has to be",
    "a: 1\nb: 2\na: 3": "3:1: `a` is there twice, first in line 1",
    "x: {a: 1, 'a': 2}": "1:11: `a` is there twice",
    "? \n: 1": ": a key is missing",
    "x:\n  : 1": "2:3: this is not valid YAML here",
    "a: \0b": "1:4: character U+0000",
    "a: b\n\n  c\x1b[31m": "3:4: character U+001B",
    "a: x\ufeff": "1:5: character U+FEFF",
    "\ufeff\ufeffa: b": "1:2: character U+FEFF",
    "a: b\u2028c: d": "1:5: character U+2028",
    "a: b\x85": "1:5: character U+0085",
    "a: \ud800": "1:4: character U+D800",
    "a: b".encode("utf-16-le").decode("latin-1"): "1:2: character U+0000",
    'a: "\\0"': "1:4: an escape",
    'a: "\\e[31m"': "1:4: an escape",
    'a: "\\ud800"': "1:4: an escape",
    'a: "\\uFEFF"': "1:4: an escape",
    'a: "\\UFFFFFFFF"': "BUILD.yaml: this is not valid YAML",
    'a: "\\U00110000"': "BUILD.yaml: this is not valid YAML",
    'a: "\\q"': "this is not valid YAML",
    'a: "never closed': "this is not valid YAML",
    "a: [1, 2": "this is not valid YAML",
    "%YAML " + "9" * 5000 + ".1\n--- a": "this is not valid YAML",
    "a:\n\tb: c": "2:1: a tab",
    "a: b: c": "1:5: this is not valid YAML here",
    "a:\n    b: 1\n  c: 2": "3:3: this is not valid YAML here",
    "a: @b": "1:4: this is not valid YAML",
    "a: `b`": "1:4: this is not valid YAML",
    "[" * (MAX_DEPTH + 2): f"values are nested over {MAX_DEPTH} levels",
    "- " * (MAX_DEPTH + 2): f"values are nested over {MAX_DEPTH} levels",
    "[" + "a," * MAX_NODES + "]": f"more than {MAX_NODES} values",
    "#" * (MAX_CHARACTERS + 1): f"{MAX_CHARACTERS} is the most",
    "a: &a [x]\n" + "".join(f"k{i}: &k{i} [*a,*a,*a]\n" for i in range(20)): "1:4: anchors",
}


@pytest.mark.parametrize("text", REFUSED, ids=[repr(text)[:30] for text in REFUSED])
def test_what_is_not_plain_data_is_refused_with_its_place(text: str) -> None:
    assert REFUSED[text] in refused(text)


MOST = MAX_CHARACTERS
LONG = {
    "sequences": "[" * MOST,
    "mappings": "{" * MOST,
    "dashes": "- " * MOST,
    "questions": "? " * MOST,
    "text": "a" * MOST,
    "words": "a " * MOST,
    "lines": "a\n" * MOST,
    "comments": "#\n" * MOST,
    "one comment": "#" * MOST,
    "breaks": "\n" * MOST,
    "spaces": " " * MOST,
    "CR": "\r" * MOST,
    "quoted": '"' + "a " * MOST,
    "quoted lines": '"' + "a\n" * MOST,
    "quotes": "'" * MOST,
    "escapes": '"' + "\\n" * MOST,
    "joined lines": '"' + "\\\n" * MOST,
    "literal": "|\n" + " a\n" * MOST,
    "folded": ">\n" + " a\n\n" * MOST,
    "empty items": "-\n" * MOST,
    "lists": "[" + "[]," * MOST,
    "flow lines": "[" + "a\n" * MOST,
    "documents": "---\n" * MOST,
    "document ends": "...\n" * MOST,
    "directives": "%A b\n" * MOST,
    "tag": "!" + "%41" * MOST,
    "anchor": "&" + "a" * MOST,
    "aliases": "*a " * MOST,
    "keys": '"":' * MOST,
    "colons": ":" * MOST,
    "nested": "[" * 31 + "[]," * MOST,
    "ascending": "".join(" " * i + "a:\n" for i in range(500)),
    "1 MiB": "[" * (1 << 20),
    "key value": "".join(f"k{i}: {i}\n" for i in range(MOST // 10)),
    "tabs": "\t" * MOST,
    "wide keys": "[" + ('"' + "a" * 900 + '"\n,') * 500,
    "flow keys": "{" + "a: [], " * MOST,
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", LONG)
def test_no_text_takes_for_ever(name: str) -> None:
    """What is quadratic takes minutes here; it takes a second on a busy machine."""
    text = LONG[name] if name == "1 MiB" else LONG[name][:MOST]
    try:
        node(text)
    except BuildFileError as error:
        assert len(str(error)) < 300  # noqa: PT017 - a refusal isn't asked for
