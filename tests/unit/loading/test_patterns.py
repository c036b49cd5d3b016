"""Target patterns."""

import pytest

from buildsys.errors import UsageError
from buildsys.loading.patterns import select
from buildsys.model.label import Label

TARGETS = [
    Label.parse(text)
    for text in (
        "//:site", "//cmd/api", "//cmd/api:tools", "//cmd/api/sub", "//cmd/apis", "//cmd/web",
        "//cmd/web:tools", "//lib/a.b", "//lib/deep/er:x",
    )
]  # fmt: skip
API = ["//cmd/api", "//cmd/api:tools"]
EVERYTHING = sorted(map(str, TARGETS))

CASES: dict[str, list[str]] = {
    "//cmd/api": ["//cmd/api"],
    "//cmd/api:api": ["//cmd/api"],
    "//cmd/api:tools": ["//cmd/api:tools"],
    "//:site": ["//:site"],
    "//cmd/api/...": [*API, "//cmd/api/sub"],
    "cmd/api/...": [*API, "//cmd/api/sub"],
    "./...": [*API, "//cmd/api/sub"],
    "./sub/...": ["//cmd/api/sub"],
    "//lib/...": ["//lib/a.b", "//lib/deep/er:x"],
    "//cmd/api:all": API,
    "//:all": ["//:site"],
    ":all": API,
    ":tools": ["//cmd/api:tools"],
    "...": [*API, "//cmd/api/sub"],
    "web": ["//cmd/web"],
    "site": ["//:site"],
    "a.b": ["//lib/a.b"],
    "x": ["//lib/deep/er:x"],
    "cmd/api": API,
    "cmd/api/": API,
    "./main.go": API,
    "./sub/main.go": ["//cmd/api/sub"],
    "cmd/api/internal/x/y.go": API,
    "cmd/api/sub/z.go": ["//cmd/api/sub"],
    "lib/deep/er/file name.txt": ["//lib/deep/er:x"],
    "docs/readme.md": ["//:site"],
    ".": API,
    "./": API,
    "./sub": ["//cmd/api/sub"],
    "all": EVERYTHING,
    "//...": EVERYTHING,
    "//cmd/web -//cmd/web:tools": ["//cmd/web"],
    "-//cmd/... -//lib/...": ["//:site"],
    "//cmd/api:all -api": ["//cmd/api:tools"],
    "//cmd/api -all //:site": ["//:site"],
    "-api api": ["//cmd/api"],
    "all -cmd/api/main.go -//cmd/web:all -//lib/... -site -apis": ["//cmd/api/sub"],
    "api api": ["//cmd/api"],
}


@pytest.mark.parametrize("patterns", CASES)
def test_a_pattern_means(patterns: str) -> None:
    words = [patterns] if "name" in patterns else patterns.split()
    labels = select(words, TARGETS, "cmd/api")
    assert sorted(map(str, labels)) == sorted(CASES[patterns])
    assert list(labels) == sorted(labels)


REFUSED = {
    "//cmd/ap": ("`//cmd/ap` means no target", "did you mean `//cmd/api`?"),
    "//cmd/api:tool": ("`//cmd/api:tool` means no target", "did you mean `//cmd/api:tools`?"),
    "//cmd": (
        "`//cmd` means no target",
        "did you mean `//cmd/...`, all targets below that folder?",
    ),
    "//nothing/...": ("`//nothing/...` means no target", ""),
    "//lib:all": ("`//lib:all` means no target", ""),
    "//cmd/api/main.go": ("`//cmd/api/main.go` means no target", ""),
    "wbe": ("`wbe` means no target", "did you mean `web`?"),
    "zzzzzz": ("`zzzzzz` means no target", "`bs status` shows all targets"),
    "tools": (
        "`tools` could mean `//cmd/api:tools`, `//cmd/web:tools`",
        "write one of these labels",
    ),
    ":nope": ("`:nope` means no target", ""),
    "/etc/passwd": ("`/etc/passwd` is an absolute path", ""),
    "../x": ("`../x` is not a path of the workspace", ""),
    "a/../x": ("`a/../x` is not a path of the workspace", ""),
    "a//x": ("`a//x` is not a path of the workspace", ""),
    "//a b/...": ("`//a b/...` is not a target pattern", ""),
    "//": ("`//` is not a label", ""),
    "": ("`` means no target", ""),
    "-": ("`` means no target", ""),
    "-//cmd/ap": ("`//cmd/ap` means no target", ""),
    "--all": ("`-all` means no target", ""),
}


@pytest.mark.parametrize("pattern", REFUSED)
def test_a_pattern_without_targets_is_refused(pattern: str) -> None:
    with pytest.raises(UsageError) as caught:
        select([pattern], TARGETS, "cmd/api")
    message, hint = REFUSED[pattern]
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_no_pattern_means_no_target() -> None:
    assert select([], TARGETS) == ()


def test_in_the_root_folder_dots_mean_everything() -> None:
    assert select(["..."], TARGETS) == select(["./..."], TARGETS) == select(["all"], TARGETS)
    assert select(["."], TARGETS) == select(["./"], TARGETS) == (Label("", "site"),)
    assert select(["./lib/a.b/x"], TARGETS) == (Label("lib/a.b", "a.b"),)


def test_a_path_without_an_owner_is_refused() -> None:
    with pytest.raises(UsageError, match="means no target"):
        select(["docs/readme.md"], [Label("cmd/api", "api")])


def test_a_folder_of_packages_suggests_all_of_them() -> None:
    with pytest.raises(UsageError) as caught:
        select(["cmd"], [Label("cmd/api", "api")])
    assert caught.value.hint == "did you mean `//cmd/...`, all targets below that folder?"
