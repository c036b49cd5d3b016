"""Compilers' messages name files of the workspace."""

import pytest

from buildsys.execution.real_paths import with_real_paths

FILES = (
    "cmd/api/main.go",
    "cmd/api/routes/routes.go",
    "cmd/web/main.go",
    "common/log.go",
    "main.py",
)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("routes/routes.go:3:2: undefined: x", "cmd/api/routes/routes.go:3:2: undefined: x"),
        ("./routes.go:3:2", "cmd/api/routes/routes.go:3:2"),
        ("/src/common/log.go:1", "common/log.go:1"),
        ("cmd/api/main.go:1", "cmd/api/main.go:1"),
        ("see log.go, log.go", "see common/log.go, common/log.go"),
        (" --> log.go:4:5", " --> common/log.go:4:5"),
    ],
)
def test_a_path_that_fits_one_input_becomes_its_path(said: str, shown: str) -> None:
    assert with_real_paths(said, FILES) == shown


@pytest.mark.parametrize(
    "said",
    [
        "main.go:1: which of the two",
        "/usr/lib/go/src/fmt/log.go:1",
        "other/log.go:1",
        "unknown.go:1",
        "catalog.go:2",
        "no path at all, e.g. none",
        "",
    ],
)
def test_all_else_stays_as_it_is(said: str) -> None:
    assert with_real_paths(said, FILES) == said


def test_a_path_that_is_an_input_itself_wins_over_longer_ones() -> None:
    assert with_real_paths("main.py:1", ("main.py", "cmd/main.py")) == "main.py:1"
