"""Labels, digests, file states, patterns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildsys.errors import BuildFailed, Location, UsageError
from buildsys.model.digest import digest_of, hex_of, is_digest
from buildsys.model.files import FileState
from buildsys.model.globs import matcher
from buildsys.model.label import Label

DIGEST = digest_of(b"x")


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("//cmd/api", Label("cmd/api", "api")),
        ("//cmd/api:api", Label("cmd/api", "api")),
        ("//cmd/api:image", Label("cmd/api", "image")),
        ("//:root", Label("", "root")),
        ("//a_b/c.d-e+f", Label("a_b/c.d-e+f", "c.d-e+f")),
    ],
)
def test_labels_are_read(text: str, label: Label) -> None:
    assert Label.parse(text) == label
    assert Label.parse(str(label)) == label


@pytest.mark.parametrize(
    "text",
    ["", "/", "//", "//:", "cmd/api", ":api", "//a/", "//a//b", "///a", "//../a", "//a/../b:c", "//.",
     "//a:", "//a:b:c", "//a:b/c", "//a b", "//a\n", "//a:b\n", "//-a", "//a:-b", "//é", "//a\u2024b"],
)  # fmt: skip
def test_everything_else_is_no_label(text: str) -> None:
    with pytest.raises(UsageError, match="not a label"):
        Label.parse(text)


@given(st.text())
def test_no_text_is_a_label_that_leaves_the_workspace(text: str) -> None:
    try:
        label = Label.parse(text)
    except UsageError:
        return
    assert Label.parse(str(label)) == label
    assert not {"..", ".", ""} & set(label.package.split("/")) or label.package == ""


def test_a_label_is_shown_short() -> None:
    assert str(Label("cmd/api", "api")) == "//cmd/api"
    assert str(Label("cmd/api", "image")) == "//cmd/api:image"
    assert str(Label("", "root")) == "//:root"


def test_digests_are_told_from_other_text() -> None:
    assert is_digest(DIGEST)
    assert hex_of(DIGEST) == DIGEST[7:]
    wrong = ["", "sha256:", DIGEST[:-1], DIGEST + "0", DIGEST.upper(), DIGEST[7:], DIGEST + "\n", 5]
    assert not any(map(is_digest, wrong))


def test_states_of_files_read_well() -> None:
    assert str(FileState(DIGEST)) == DIGEST
    assert str(FileState(DIGEST, executable=True)) == f"x {DIGEST}"
    assert str(FileState(link="../a")) == "-> ../a"


def test_places_are_told_as_exactly_as_they_are_known() -> None:
    assert str(Location("BUILD.yaml")) == "BUILD.yaml"
    assert str(Location("BUILD.yaml", 3)) == "BUILD.yaml:3"
    assert str(Location("BUILD.yaml", 3, 7)) == "BUILD.yaml:3:7"
    assert str(BuildFailed("no", at=Location("a", 1))) == "a:1: no"
    assert str(BuildFailed("no")) == "no"


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("a.go", "a.go", True),
        ("a.go", "b/a.go", False),
        ("*.go", "a.go", True),
        ("*.go", "b/a.go", False),
        ("**/*.go", "a.go", True),
        ("**/*.go", "b/c/a.go", True),
        ("docs/**", "docs/a/b.md", True),
        ("docs/**", "docs", False),
        ("docs", "docs/a/b.md", True),
        ("docs", "docs2/a.md", False),
        ("**/docs/**", "a/docs/b.md", True),
        ("**/docs/**", "docs/b.md", True),
        ("a/**/b", "a/b", True),
        ("a/**/b", "a/x/y/b", True),
        ("a/**/b", "a/x/y/c", False),
        ("a.b", "axb", False),
        ("*", "a\nb", True),
    ],
)
def test_patterns_match_as_documented(pattern: str, path: str, *, fits: bool) -> None:
    assert bool(matcher([pattern])(path)) is fits


def test_no_pattern_matches_nothing_and_several_match_any() -> None:
    assert not matcher([])("a")
    several = matcher(["a", "b/*"])
    assert [bool(several(path)) for path in ("a", "b/c", "c")] == [True, True, False]


def _parts_fit(pattern: list[str], path: list[str]) -> bool:
    """The meaning of patterns, slowly; a pattern for a folder stands for all below it."""
    if not pattern:
        return True
    if pattern[0] == "**":
        if len(pattern) == 1:
            return bool(path)
        return any(_parts_fit(pattern[1:], path[skip:]) for skip in range(len(path) + 1))
    return bool(path) and _part_fits(pattern[0], path[0]) and _parts_fit(pattern[1:], path[1:])


def _part_fits(pattern: str, part: str) -> bool:
    if not pattern:
        return not part
    if pattern[0] == "*":
        return any(_part_fits(pattern[1:], part[skip:]) for skip in range(len(part) + 1))
    return bool(part) and pattern[0] == part[0] and _part_fits(pattern[1:], part[1:])


@given(
    st.lists(st.sampled_from(("a", "b", "*", "**", "a*", "*b*")), min_size=1, max_size=4),
    st.lists(st.sampled_from(("a", "b", "ab", "ba")), min_size=1, max_size=4),
)
def test_patterns_mean_what_their_slow_reading_says(pattern: list[str], path: list[str]) -> None:
    assert bool(matcher(["/".join(pattern)])("/".join(path))) is _parts_fit(pattern, path)
