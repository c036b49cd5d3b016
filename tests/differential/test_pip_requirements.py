"""Requirements in their one form, against pip's own parser: the same requirements, options and hashes."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildsys.analysis.requirements_text import RequirementsTextReader, logical_lines
from tests.differential.workspaces import REPOSITORY

PIECES = (
    "six", "a-b", "==", "==1.0", ">= 2", "~=1.2.*", ",", "<3", "[x]", "[x, y ]", " @ ", "https://e.com/a.whl",
    ";", " ; ", "python_version<'3'", 'os_name == "a  b"', " --hash=sha256:ab", " --hash sha256:cd",
    " --hash=md5:EF", " --pre", "-c ", "-r ", "pins.txt", "--index-url ", "https://e.com/simple", "-e ", "./x",
    "#", " # c", "\\", "\\\n", " \\\n    ", "\n", "\n\n", "\n# c\n", "\n# c \\\n", " ", "\t", "\r\n", "\u2028",
    "$X", "${X}", "(", ")", "'", "--", "-", "1", "# coding: utf-8\n", "\ufeff",
)  # fmt: skip
PLAIN = (
    "six==1.0",
    "idna>=2 , <3",
    "a[x] ==1 --hash=sha256:ab  --hash sha256:aa",
    "b;os_name=='a'",
)
ALWAYS_THERE = {"format_control", "release_control"}
texts = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=14).map("".join),
    st.lists(st.sampled_from((*PLAIN, "--pre", "", "# c")), max_size=8).map("\n".join),
)


def parsed(text: str) -> tuple[list[str], list[str]] | None:
    """What pip takes out of a file: requirements in any order, all else in its own; nothing if it refuses."""
    req_file = pytest.importorskip("pip._internal.req.req_file")
    requirement = pytest.importorskip("packaging.requirements")
    lines = [line for _, line in req_file.preprocess(req_file._decode_req_file(text.encode(), ""))]
    wanted: list[str] = []
    others: list[str] = []
    try:
        for arguments, options in map(req_file.get_line_parser(None), lines):
            said: dict[str, Any] = {
                k: v for k, v in vars(options).items() if v and k not in ALWAYS_THERE
            }
            hashes = {kind: sorted(set(found)) for kind, found in said.pop("hashes", {}).items()}
            if arguments and not said:
                wanted.append(f"{requirement.Requirement(arguments)} {hashes}")
            else:
                others.append(f"{arguments} {said} {hashes} after {sorted(wanted)}")
    except (req_file.OptionParsingError, requirement.InvalidRequirement):
        return None
    return sorted(wanted), others


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(texts)
def test_pip_finds_the_same_in_the_derived_text(text: str) -> None:
    derived = RequirementsTextReader().read(text)
    assert parsed(derived) == parsed(text)
    assert RequirementsTextReader().read(derived) == derived


@given(texts)
def test_lines_are_joined_as_pip_joins_them(text: str) -> None:
    req_file = pytest.importorskip("pip._internal.req.req_file")
    content = text.removeprefix("\ufeff")
    theirs = [line for _, line in req_file.ignore_comments(
        req_file.join_lines(enumerate(content.splitlines(), 1))
    )]  # fmt: skip
    assert [line for line, _, _ in logical_lines(text)] == theirs


def test_nothing_is_lost_of_a_compiled_file() -> None:
    compiled = sorted(REPOSITORY.glob("cmd/*/requirements*.txt"))
    for path in [*compiled, Path(REPOSITORY, "tests/workspaces/python-shared/requirements.txt")]:
        if path.is_file():
            text = path.read_text()
            assert parsed(RequirementsTextReader().read(text)) == parsed(text)
            assert parsed(text)
