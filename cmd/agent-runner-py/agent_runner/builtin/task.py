"""A prompt taken apart: what is asked, and what it is asked about."""

import json
import re
from dataclasses import dataclass
from typing import Any

import msgspec

_JSON_START = re.compile(r"[{\[]")
# A bracket in prose looks like a document too; a prompt full of them is not searched to its end.
_MAX_JSON_STARTS = 20
_AFTER_COLON = re.compile(r"([^:]{1,300}):\s+(.+)", re.DOTALL)
_LEADING_VERB = re.compile(
    r"((?:please\s+)?(?:summari[sz]e|shorten|condense|count the (?:words|lines) (?:in|of))"
    r"(?:\s+(?:as|for|in|with)\b[^:.\n]{0,60}:)?)\s+(.+)",
    re.DOTALL | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Task:
    """`document` is the JSON value within the prompt, None without one."""

    instruction: str
    material: str
    document: Any = None

    @property
    def prose(self) -> str:
        """All of the prompt but its document."""
        if self.document is not None or self.instruction == self.material:
            return self.instruction
        return f"{self.instruction} {self.material}"


def read_task(prompt: str) -> Task:
    prompt = prompt.strip()
    found = _find_document(prompt)
    if found is not None:
        document, start, end = found
        instruction = f"{prompt[:start].strip()} {prompt[end:].strip()}".strip()
        return Task(instruction, prompt[start:end], document)
    split = _LEADING_VERB.fullmatch(prompt) or _AFTER_COLON.fullmatch(prompt)
    if split is not None:
        return Task(split[1].strip(), split[2].strip())
    return Task(prompt, prompt)


def _find_document(prompt: str) -> tuple[Any, int, int] | None:
    decoder = json.JSONDecoder()
    for count, match in enumerate(_JSON_START.finditer(prompt)):
        if count == _MAX_JSON_STARTS:
            return None
        try:
            _, end = decoder.raw_decode(prompt, match.start())
            # The standard library finds the end; msgspec refuses NaN and whatever else isn't JSON.
            document = msgspec.json.decode(prompt[match.start() : end])
        except (ValueError, RecursionError):
            continue
        return document, match.start(), end
    return None
