"""A stale layer has exactly the reasons that are true."""

from collections.abc import Mapping

import pytest

from buildsys.keys.explain import Reason, ReasonCode, explain

FILE = "sha256:" + "1" * 64
OTHER = "sha256:" + "2" * 64
OLD: dict[str, object] = {
    "schema": 2,
    "rule": "go_image/1",
    "layer": "image",
    "platform": "linux/amd64",
    "dockerfile": 'FROM alpine AS image\nENV PORT="8081"\nUSER 1000:1000\n',
    "stage": "image",
    "inputs": {"sources": {"main.go": FILE, "run.sh": f"x {FILE}", "go.mod": FILE, "l": "-> a"}},
    "bases": {"alpine": FILE},
    "layers": {"modules": "1" * 64},
    "rewrite_times": True,
}
LANGUAGE = frozenset({"go.mod"})


def reasons(**changes: object) -> list[str]:
    return [str(reason) for reason in explain(OLD, {**OLD, **changes}, LANGUAGE)]


def inputs(**files: str | None) -> Mapping[str, Mapping[str, str]]:
    old = {"main.go": FILE, "run.sh": f"x {FILE}", "go.mod": FILE, "l": "-> a"}
    merged = old | {name.replace("_", "."): state for name, state in files.items()}
    return {"sources": {path: state for path, state in merged.items() if state is not None}}


def test_equal_manifests_have_no_reason() -> None:
    assert reasons() == []


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"main_go": OTHER}, "file changed: main.go"),
        ({"main_go": None}, "file removed: main.go"),
        ({"new_go": FILE}, "file added: new.go"),
        ({"main_go": f"x {FILE}"}, "mode changed: main.go"),
        ({"run_sh": FILE}, "mode changed: run.sh"),
        ({"run_sh": f"x {OTHER}"}, "file changed: run.sh"),
        ({"l": "-> b"}, "file changed: l"),
        ({"go_mod": OTHER}, "manifest changed: go.mod"),
        ({"go_mod": None}, "manifest changed: go.mod"),
    ],
)
def test_a_change_of_a_file_is_named(files: dict[str, str | None], reason: str) -> None:
    assert reasons(inputs=inputs(**files)) == [reason]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"rule": "go_image/2"}, "rule changed: go_image/2"),
        ({"schema": 3}, "rule changed: go_image/1"),
        ({"rewrite_times": False}, "rule changed: go_image/1"),
        ({"platform": "linux/arm64"}, "attribute changed: linux/arm64"),
        ({"bases": {"alpine": OTHER}}, "base changed: alpine"),
        ({"bases": {}}, "base changed: alpine"),
        ({"layers": {"modules": "2" * 64}}, "dependency layer changed: modules"),
        (
            {"layers": {"modules": "1" * 64, "more": "3" * 64}},
            "dependency layer changed: more",
        ),
    ],
)
def test_any_other_change_is_named(changes: dict[str, object], reason: str) -> None:
    assert reasons(**changes) == [reason]


def test_a_changed_attribute_shows_its_new_line() -> None:
    dockerfile = 'FROM alpine AS image\nENV PORT="9090"\nUSER 1000:1000\n'
    assert reasons(dockerfile=dockerfile) == ['attribute changed: ENV PORT="9090"']


def test_a_removed_attribute_shows_the_line_that_went() -> None:
    dockerfile = "FROM alpine AS image\nUSER 1000:1000\n"
    assert reasons(dockerfile=dockerfile) == ['attribute changed: ENV PORT="8081"']


def test_several_changes_have_a_reason_each_in_one_order() -> None:
    found = explain(
        OLD,
        {**OLD, "bases": {"alpine": OTHER}, "inputs": inputs(a_go=FILE, main_go=None)},
        LANGUAGE,
    )
    assert found == (
        Reason(ReasonCode.BASE_CHANGED, subject="alpine"),
        Reason(ReasonCode.FILE_ADDED, path="a.go"),
        Reason(ReasonCode.FILE_REMOVED, path="main.go"),
    )


def test_a_manifest_of_another_making_is_explained_as_another_rule() -> None:
    assert next(str(reason) for reason in explain({}, OLD, LANGUAGE)) == "rule changed: go_image/1"


def test_no_single_field_can_change_without_a_reason() -> None:
    for field, before in OLD.items():
        changed = {"a": "b"} if isinstance(before, dict) else "other"
        value = {"sources": {"main.go": OTHER}} if field == "inputs" else changed
        assert reasons(**{field: value}), field
