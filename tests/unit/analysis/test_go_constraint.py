"""Which files a Go build for linux/amd64 takes."""

import pytest

from buildsys.analysis.go_constraint import GoPlatform, from_plus_build, name_matches, satisfied

LINUX = GoPlatform("linux", "amd64", frozenset({"netgo"}))


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("", True),
        ("linux", True),
        ("unix", True),
        ("windows", False),
        ("!windows", True),
        ("!!linux", True),
        ("linux && amd64", True),
        ("linux && arm64", False),
        ("windows || amd64", True),
        ("windows || (linux && !cgo)", True),
        ("(windows || linux) && cgo", False),
        ("windows && linux || amd64", True),
        ("windows && (linux || amd64)", False),
        ("!(linux || darwin)", False),
        ("netgo && gc && go1.24 && go1.99", True),
        ("gccgo", False),
        ("!go1.18", False),
        ("ignore", False),
        ("purego", False),
        ("goexperiment.rangefunc", True),
        ("!goexperiment.rangefunc", True),
        ("amd64.v3 && windows", False),
        ("linux &&", True),
        ("(linux", True),
        ("linux) && windows", True),
        ("linux & windows", True),
        ("&& windows", True),
    ],
)
def test_an_expression_decides_and_doubt_counts(expression: str, *, holds: bool) -> None:
    assert satisfied(expression, LINUX) is holds


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("main.go", True),
        ("linux.go", True),
        ("windows.go", True),
        ("x_linux.go", True),
        ("x_windows.go", False),
        ("x_amd64.s", True),
        ("x_arm64.s", False),
        ("x_linux_amd64.go", True),
        ("x_linux_arm64.go", False),
        ("x_windows_amd64.go", False),
        ("x_unix.go", True),
        ("x_windows_y.go", True),
        ("x_linux_test.go", True),
        ("x_windows_test.go", False),
        ("windows_x.go", True),
        ("amd64_linux.go", True),
        ("x.windows.go", True),
        ("x_windows.pb.go", False),
    ],
)
def test_a_file_name_decides(name: str, *, taken: bool) -> None:
    assert name_matches(name, LINUX) is taken


def test_android_is_a_linux() -> None:
    android = GoPlatform("android", "arm64", frozenset())
    assert satisfied("linux && android && unix", android)
    assert name_matches("x_linux.go", android)


@pytest.mark.parametrize(
    ("line", "expression"),
    [("linux", "(linux)"), ("a,!b c", "(a && !b) || (c)"), ("", "")],
)
def test_the_old_spelling_is_translated(line: str, expression: str) -> None:
    assert from_plus_build(line) == expression
