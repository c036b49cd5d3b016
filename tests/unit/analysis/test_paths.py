"""Paths as text."""

import pytest

from buildsys.analysis.paths import is_below, join, matches, place, resolve, upwards


@pytest.mark.parametrize(
    ("folder", "relative", "path"),
    [
        ("a/b", "../c", "a/c"),
        ("a", "..", ""),
        ("", ".", ""),
        ("", "..", None),
        ("a", "../../b", None),
        ("a", "/etc", None),
        ("a", "./b//c/", "a/b/c"),
        ("", "..a", "..a"),
    ],
)
def test_resolve_stays_inside(folder: str, relative: str, path: str | None) -> None:
    assert resolve(folder, relative) == path


def test_the_workspace_itself_is_the_empty_path() -> None:
    assert list(upwards("a/b")) == ["a/b", "a", ""]
    assert list(upwards("")) == [""]
    assert (join("", "x"), join("a", ""), join("a", "x")) == ("x", "a", "a/x")
    assert is_below("a/b", "")
    assert is_below("a", "a")
    assert not is_below("ab", "a")


def test_places_count_from_one() -> None:
    assert place("ab\ncd", 0) == (1, 1)
    assert place("ab\ncd", 4) == (2, 2)


@pytest.mark.parametrize(
    ("pattern", "name", "matching"),
    [
        ("*.txt", "a.txt", True),
        ("*.txt", ".txt", True),
        ("*.txt", "a.txt.bak", False),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("[a-c]x", "bx", True),
        ("[^a-c]x", "bx", False),
        ("[^a-c]x", "dx", True),
        ("[a\\]]", "]", True),
        ("\\*", "*", True),
        ("\\*", "a", False),
        ("[z-a]", "m", False),
        ("a+b", "a+b", True),
        ("a+b", "aab", False),
    ],
)
def test_one_element_matches(pattern: str, name: str, *, matching: bool) -> None:
    assert matches(pattern, name) is matching
