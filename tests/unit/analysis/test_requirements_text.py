"""Requirements files in their one form."""

import pytest

from buildsys.analysis.requirements_text import RequirementsTextReader, logical_lines

HASH = "--hash=sha256:"


def read(text: str) -> str:
    return RequirementsTextReader().read(text)


def test_layout_order_and_comments_are_gone() -> None:
    plain = f"idna==3.20 {HASH}ab {HASH}cd\nrequests[socks]>=2,<3 ; python_version < '4'\n"
    laid_out = (
        "\ufeff#\n# made by pip-compile\n\n"
        " requests [ socks ] >= 2 , <3;python_version < '4'   # HTTP\n"
        f"idna==3.20 \\\r\n    {HASH}cd \\\r\n    --hash sha256:ab {HASH}cd\r\n    # via requests\r\n"
    )
    assert read(laid_out) == read(plain) == plain


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://example.com/simple  --pre",
        "-c pins.txt",
        "-r  'other file.txt'",
        "six == ${VERSION}",
        "six==1 --config-settings=a=b",
        f"six==1 {HASH}XY",
        "six==1\t--hash=sha256:ab",
        "six (>=1)",
        "https://example.com/six-1.0.tar.gz",
        "six;",
        "-e .",
        "what is this",
    ],
)
def test_what_is_not_a_plain_requirement_stays_where_it_is(line: str) -> None:
    assert (
        read(f"b==1\na==1\n  {line}   # why\nd==1\nc==1\n") == f"a==1\nb==1\n{line}\nc==1\nd==1\n"
    )


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("six @  https://example.com/six.whl#sha256=ab", "six @ https://example.com/six.whl#sha256=ab"),
        ("six@https://example.com/six.whl ; python_version>'3'",
         "six @ https://example.com/six.whl ; python_version>'3'"),
        ("six === 1.0-x+y", "six===1.0-x+y"),
        ("six ~= 1.0, != 1.0.*", "six~=1.0,!=1.0.*"),
        ("a ; 'x  y' == platform_version", "a ; 'x  y' == platform_version"),
    ],
)  # fmt: skip
def test_requirements_have_one_form(written: str, form: str) -> None:
    assert read(written) == f"{form}\n"


@pytest.mark.parametrize(
    "text",
    [
        "# -*- coding: latin-1 -*-\nb # x\na\n",
        "#\n# vim: set fileencoding=cp1252 :\nb\na",
        "b\\ # x\na\n",
        "\\\n\ufeffb",
    ],
)
def test_a_file_that_pip_would_read_otherwise_once_rewritten_stays_as_it_is(text: str) -> None:
    assert read(text) == text


def test_a_comment_takes_in_the_line_that_a_backslash_joins_to_it() -> None:
    assert list(logical_lines("a # x \\\nb\nc \\\n# d \\\ne")) == [
        ("a", 1, 1), ("c", 3, 1), ("e", 5, 1),
    ]  # fmt: skip
