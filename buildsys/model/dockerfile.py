"""Dockerfiles as values, and their one renderer.

No text from a BUILD.yaml reaches a Dockerfile but through the functions here: each value becomes one
word or one JSON string, so a newline, a quote or a `$` in it can't begin another instruction.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from buildsys.errors import UsageError

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Stage:
    """`FROM base AS name` and its instructions, each of them one complete text."""

    name: str
    base: str
    instructions: tuple[str, ...]

    def render(self) -> str:
        return "\n".join((f"FROM {self.base} AS {self.name}", *self.instructions)) + "\n"


def render(stages: Iterable[Stage]) -> str:
    return "\n".join(stage.render() for stage in stages)


def word(text: str) -> str:
    """`text` as one double-quoted word of an ENV or LABEL instruction.

    Raises:
        UsageError: it has a line break or another control character, which no quoting carries.
    """
    if _UNPRINTABLE.search(text):
        raise UsageError(f"{text!r} has a control character, which a Dockerfile can't carry")
    return '"' + re.sub(r'(["\\$])', r"\\\1", text) + '"'


def json_words(words: Iterable[str]) -> str:
    """The exec form: a JSON list. `$` isn't expanded in it by RUN, CMD, ENTRYPOINT and HEALTHCHECK."""
    items = list(words)
    for item in items:
        if _UNPRINTABLE.search(item):
            raise UsageError(f"{item!r} has a control character, which a Dockerfile can't carry")
    return json.dumps(items, ensure_ascii=False)


def _copied_path(path: str) -> str:
    """A path for COPY, where wildcards and variables are expanded even in the JSON form."""
    return re.sub(r"([\\$*?\[])", lambda found: _ESCAPES[found[1]], path)


_ESCAPES = {"\\": "\\\\\\\\", "$": "\\$", "*": "[*]", "?": "[?]", "[": "[[]"}


def copy_files(paths: Iterable[str]) -> tuple[str, ...]:
    """COPY instructions, one a folder, that put exactly these files at the same paths."""
    folders: dict[str, list[str]] = {}
    for path in sorted(set(paths)):
        folders.setdefault(path.rpartition("/")[0], []).append(path)
    return tuple(
        "COPY " + json_words([*map(_copied_path, files), _destination(folder)])
        for folder, files in sorted(folders.items())
    )


def _destination(folder: str) -> str:
    return (folder.replace("\\", "\\\\").replace("$", "\\$") + "/") if folder else "./"


def run(*commands: str, mounts: Iterable[str] = (), offline: bool = False, text: str = "") -> str:
    """One RUN; `commands` come from rules, never from a BUILD.yaml, and are joined by `&&`.

    `text` is a here-document with its end, where a command begins one.
    """
    flags = [f"--mount={mount}" for mount in mounts]
    if offline:
        flags.append("--network=none")
    ran = "RUN " + " ".join([*flags, " \\\n && ".join(commands)])
    return f"{ran}\n{text}" if text else ran


def env(name: str, value: str) -> str:
    return f"ENV {name}={word(value)}"
