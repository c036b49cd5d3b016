"""YAML text to plain values; the only importer of yaml, itself imported when a file is parsed.

A BUILD.yaml is data and nothing else: anchors, aliases, tags, merge keys and several documents are
refused, and so is whatever would take long to read.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Never

import yaml

from buildsys.loading.nodes import ENTRIES, ERROR, ITEMS, QUOTED, TEXT, Plain, shown

MAX_CHARACTERS = 128 * 1024
"""PyYAML needs up to 3 µs for a character: with all three bounds, no text takes half a second."""
MAX_NODES = 10_000
MAX_DEPTH = 32

# YAML 1.1 takes three more characters for line breaks; as other readers don't, they are refused.
_REFUSED = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
# What libyaml and PyYAML are known to read alike: words, quotes, brackets; no tabs, escapes, tags, markers.
_QUICK = re.compile(r"""(?!.*(?:---|\.\.\.))[A-Za-z0-9 \n_./:,\[\]{}"'#=+()~$;<@^-]*""", re.DOTALL)
_QUICK_CHARACTERS = 8 * 1024
_LINE_BREAK = re.compile("\r\n|\r|\n")
_SPLIT = "declare targets beside their sources, in a BUILD.yaml per folder"
_WRITE_OUT = "write the value out, or set it for many targets in `defaults` of the root BUILD.yaml"
_CollectionStart = (yaml.SequenceStartEvent, yaml.MappingStartEvent)


class _RefusedError(Exception):
    """What can't be accepted, and where; places count from 0, as PyYAML has them."""

    def __init__(self, place: tuple[int, int], message: str, hint: str) -> None:
        super().__init__(message)
        self.plain = (ERROR, place[0] + 1, place[1] + 1, message, hint)


_NOWHERE = (-1, -1)


def parse(text: str) -> Plain:
    """The document as plain values; what is wrong with a text is a plain value too."""
    try:
        _check_characters(text)
        return _document(text)
    except _RefusedError as refused:
        return refused.plain


def _check_characters(text: str) -> None:
    if len(text) > MAX_CHARACTERS:
        message = f"the file has {len(text)} characters, {MAX_CHARACTERS} is the most that bs reads"
        raise _RefusedError(_NOWHERE, message, _SPLIT)
    found = _REFUSED.search(text, 1 if text.startswith("\ufeff") else 0)
    if found:
        breaks = [one.end() for one in _LINE_BREAK.finditer(text, 0, found.start())]
        place = (len(breaks), found.start() - (breaks[-1] if breaks else 0))
        message = f"character U+{ord(found[0]):04X} can't stand in a BUILD.yaml"
        raise _RefusedError(place, message, "save it as UTF-8, without control characters")


def _document(text: str) -> Plain:
    quick = _quick_document(text)
    return _slow_document(text) if quick is None else quick


def _quick_document(text: str) -> Plain | None:
    """By libyaml, for texts in which it can't see anything else than PyYAML; None if anything is wrong.

    None too where PyYAML came without it. Only its events: what makes nodes of them overflows the C stack
    on 60 kB of `[`.
    """
    if len(text) > _QUICK_CHARACTERS or not _QUICK.fullmatch(text):
        return None
    try:
        return _Reading(_with_values(yaml.parse(text, Loader=yaml.CSafeLoader))).document()
    except (_RefusedError, yaml.YAMLError, ValueError, AttributeError):
        return None


def _with_values(events: Iterator[yaml.Event]) -> Iterator[yaml.Event]:
    """The two readers have different places for a value that isn't there.

    Raises:
        ValueError: there is one.
    """
    for event in events:
        if isinstance(event, yaml.ScalarEvent) and not event.value and not event.style:
            raise ValueError
        yield event


def _slow_document(text: str) -> Plain:
    # This one is asked for one event at a time, so that it ends where a bound is exceeded.
    events = yaml.parse(text, Loader=yaml.SafeLoader)
    try:
        return _Reading(events).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line, mark.column) if mark else _NOWHERE
        raise _RefusedError(place, *_said_by_yaml(error.problem or "")) from None
    except (yaml.YAMLError, ValueError, ArithmeticError, LookupError):
        # PyYAML lets through what chr() and int() say about escapes and versions.
        message = "this is not valid YAML"
        raise _RefusedError(_NOWHERE, message, "look for a wrong `\\` escape") from None


def _said_by_yaml(problem: str) -> tuple[str, str]:
    if "'\\t'" in problem:
        return "a tab can't indent YAML", "use spaces"
    if "<block end>" in problem or "mapping values are not allowed" in problem:
        return "this is not valid YAML here", "check the indentation of this line and those above"
    return f"this is not valid YAML: {problem}", "quote text that has special characters"


class _Reading:
    """One pass over the events of a document."""

    def __init__(self, events: Iterator[yaml.Event]) -> None:
        self._events = events
        self._nodes = 0

    def document(self) -> Plain:
        next(self._events)  # the stream starts
        start = next(self._events)
        if isinstance(start, yaml.StreamEndEvent):
            return (TEXT, 1, 1, "")
        if isinstance(start, yaml.DocumentStartEvent) and (start.version or start.tags):
            _refuse(start, "directives (`%`) can't stand in a BUILD.yaml", "remove these lines")
        root = self._node(next(self._events), 0)
        next(self._events)  # the document ends
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            _refuse(after, "a second document starts here", "keep one, and remove the `---`")
        return root

    def _node(self, event: yaml.Event, depth: int) -> Plain:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            _refuse(event, f"the file has more than {MAX_NODES} values", _SPLIT)
        if depth > MAX_DEPTH:
            _refuse(event, f"values are nested over {MAX_DEPTH} levels deep", "check the brackets")
        _check_properties(event)
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._items(event, depth)
        return self._entries(event, depth)

    def _items(self, start: yaml.Event, depth: int) -> Plain:
        nodes = []
        while not isinstance(item := next(self._events), yaml.SequenceEndEvent):
            nodes.append(self._node(item, depth + 1))
        return (ITEMS, *_counted(start), nodes)

    def _entries(self, start: yaml.Event, depth: int) -> Plain:
        nodes: list[Plain] = []
        lines: dict[str, int] = {}
        while not isinstance(key := next(self._events), yaml.MappingEndEvent):
            name = self._key(key, lines, depth + 1)
            nodes += [name, self._node(next(self._events), depth + 1)]
        return (ENTRIES, *_counted(start), nodes)

    def _key(self, key: yaml.Event, lines: dict[str, int], depth: int) -> Plain:
        if isinstance(key, _CollectionStart):
            _refuse(key, "a key has to be a single word", "quote text that starts with `[` or `{`")
        name = self._node(key, depth)
        if isinstance(key, yaml.ScalarEvent):
            _check_key(key, lines)
            lines[key.value] = _counted(key)[0]
        return name


def _check_properties(event: yaml.Event) -> None:
    if isinstance(event, yaml.AliasEvent):
        _refuse(event, "aliases (`*`) can't stand in a BUILD.yaml", f"{_WRITE_OUT}; or quote text")
    if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
        _refuse(event, "anchors (`&`) can't stand in a BUILD.yaml", f"{_WRITE_OUT}; or quote text")
    if isinstance(event, (yaml.ScalarEvent, *_CollectionStart)) and event.tag is not None:
        _refuse(event, "tags (`!`) can't stand in a BUILD.yaml", 'remove it, or quote text: `"!x"`')


def _scalar(event: yaml.ScalarEvent) -> Plain:
    if _REFUSED.search(event.value):
        _refuse(event, "an escape stands for a control character", "remove the `\\` escape")
    return (QUOTED if event.style else TEXT, *_counted(event), event.value)


def _check_key(key: yaml.ScalarEvent, lines: Mapping[str, int]) -> None:
    if not key.style and not key.value:
        _refuse(key, "a key is missing before `:`", "write `key: value`")
    if not key.style and key.value == "<<":
        _refuse(key, "merge keys (`<<`) can't stand in a BUILD.yaml", _WRITE_OUT)
    if key.value in lines:
        message = f"{shown(key.value)} is there twice, first in line {lines[key.value]}"
        _refuse(key, message, "keep one of them")


def _place(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line, mark.column) if mark else _NOWHERE


def _counted(event: yaml.Event) -> tuple[int, int]:
    line, column = _place(event)
    return line + 1, column + 1


def _refuse(event: yaml.Event, message: str, hint: str) -> Never:
    raise _RefusedError(_place(event), message, hint)
