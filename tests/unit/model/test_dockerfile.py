"""No value of a BUILD.yaml can begin an instruction of its own."""

import json
import re
import shlex

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from buildsys.errors import UsageError
from buildsys.model.dockerfile import Stage, copy_files, env, json_words, render, run, word

NASTY = [
    "\n", "\r", "\\", "\\\n", '"', "'", "$", "${PATH}", "`", "#", "# escape=`", "<<EOF", "EOF", "\u2028",
    "\u2029", "\x85", "\x00", "\x0b", "\x0c", "\t", "\nRUN evil", " ", "=", "*", "[", "]", "?", "-", "--",
]  # fmt: skip
texts = st.lists(st.one_of(st.sampled_from(NASTY), st.text(max_size=4)), max_size=6).map("".join)
PRINTABLE = re.compile(r"[^\x00-\x1f\x7f\u0085\u2028\u2029]*")


def instructions(dockerfile: str) -> list[str]:
    """Reads a Dockerfile back as BuildKit's parser does: continuations joined, comments and blanks out.

    moby/buildkit frontend/dockerfile/parser: a line ends at LF; a backslash before it continues the line.
    """
    joined = re.sub(r"\\[ \t\r]*\n", "", dockerfile)
    lines = [line.strip() for line in joined.split("\n")]
    return [line for line in lines if line and not line.startswith("#")]


def refused(text: str) -> bool:
    return PRINTABLE.fullmatch(text) is None


@settings(max_examples=150)
@given(texts)
@example("a\nRUN evil")
@example('"\\')
def test_an_environment_is_one_instruction_with_the_value_that_was_given(value: str) -> None:
    if refused(value):
        with pytest.raises(UsageError, match="control character"):
            env("NAME", value)
        return
    text = render([Stage("image", "base", (env("NAME", value),))])
    found = instructions(text)
    assert len(found) == 2
    assert "\n" not in env("NAME", value)
    quoted = found[1].removeprefix("ENV NAME=")
    # No `$` is left that would be expanded, and a shell's reading of the quotes gives the value back.
    assert re.search(r"(?<!\\)(?:\\\\)*\$", quoted) is None
    assert shlex.split(quoted.replace("\\$", "$")) == [value]


@settings(max_examples=150)
@given(st.lists(texts, max_size=4))
def test_a_command_is_one_instruction_with_the_words_that_were_given(words: list[str]) -> None:
    if any(map(refused, words)):
        with pytest.raises(UsageError, match="control character"):
            json_words(words)
        return
    text = render([Stage("image", "base", (f"ENTRYPOINT {json_words(words)}",))])
    found = instructions(text)
    assert len(found) == 2
    assert len(text.splitlines()) == 2
    assert json.loads(found[1].removeprefix("ENTRYPOINT ")) == words


@settings(max_examples=150)
@given(st.lists(texts.filter(lambda path: path and not path.startswith("/")), max_size=4))
def test_copied_paths_are_one_instruction_a_folder(paths: list[str]) -> None:
    if any(map(refused, paths)):
        with pytest.raises(UsageError):
            copy_files(paths)
        return
    copies = copy_files(paths)
    assert len(copies) == len({path.rpartition("/")[0] for path in paths})
    for copy in copies:
        assert len(instructions(copy)) == 1
        assert json.loads(copy.removeprefix("COPY "))[-1].endswith("/")


@pytest.mark.parametrize(
    ("path", "copied"),
    [
        ("a.go", '["a.go", "./"]'),
        ("a/b c.go", '["a/b c.go", "a/"]'),
        ("a/[id].ts", '["a/[[]id].ts", "a/"]'),
        ("a*?.go", '["a[*][?].go", "./"]'),
        ("$HOME.go", '["\\\\$HOME.go", "./"]'),
        ("$d/a.go", '["\\\\$d/a.go", "\\\\$d/"]'),
    ],
)
def test_what_copy_would_expand_is_kept_from_it(path: str, copied: str) -> None:
    assert copy_files([path]) == (f"COPY {copied}",)


def test_files_of_a_folder_are_copied_together_and_in_order() -> None:
    assert copy_files(["b/z", "a", "b/y", "b/y", "b/c/x"]) == (
        'COPY ["a", "./"]',
        'COPY ["b/y", "b/z", "b/"]',
        'COPY ["b/c/x", "b/c/"]',
    )


def test_a_run_has_its_flags_before_its_commands() -> None:
    assert run("one", "two", mounts=["type=x"], offline=True) == (
        "RUN --mount=type=x --network=none one \\\n && two"
    )
    assert run("one") == "RUN one"


def test_stages_are_rendered_apart() -> None:
    stages = [Stage("a", "scratch", ()), Stage("b", "a", ("RUN x", "USER 1"))]
    assert render(stages) == "FROM scratch AS a\n\nFROM a AS b\nRUN x\nUSER 1\n"


def test_words_are_quoted() -> None:
    assert word('say "hi" for $5 \\') == '"say \\"hi\\" for \\$5 \\\\"'
    assert word("") == '""'
