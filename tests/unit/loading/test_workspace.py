"""All BUILD.yaml files together."""

import subprocess
import sys

import pytest

from buildsys.errors import BuildFileError, UsageError
from buildsys.loading.workspace import load
from buildsys.model.label import Label
from tests.fake_tree import DictTree
from tests.unit.loading.support import RULES, loaded, refusal, service

PLAIN = "targets:\n- {name: b, rule: plain}\n- {name: a, rule: plain}\n"


def test_targets_come_in_the_order_of_their_labels() -> None:
    found = loaded({"z/BUILD.yaml": PLAIN, "a/b/BUILD.yaml": PLAIN, "BUILD.yaml": PLAIN})
    assert [str(label) for label in found.targets] == [
        "//:a",
        "//:b",
        "//a/b:a",
        "//a/b",
        "//z:a",
        "//z:b",
    ]


def test_only_files_of_that_very_name_are_read() -> None:
    tree = DictTree({"BUILD.yaml": "", "x/BUILD.yaml": "", "x/MY-BUILD.yaml": "[", "x/a.py": "["})
    load(tree, RULES)
    # Both are empty, so that the second needn't be read.
    assert tree.reads == ["BUILD.yaml"]


def test_a_file_is_parsed_once_for_all_loads() -> None:
    tree = DictTree({"BUILD.yaml": "workspace: w", "x/BUILD.yaml": PLAIN})
    first = load(tree, RULES)
    reads = list(tree.reads)
    assert load(tree, RULES) == first
    assert tree.reads == reads
    tree.files["x/BUILD.yaml"] = "targets: []"
    assert load(tree, RULES).targets == {}


def test_equal_files_in_two_places_each_say_their_own_place() -> None:
    tree = DictTree({"BUILD.yaml": "", "a/BUILD.yaml": "x: &y z", "b/BUILD.yaml": "x: &y z"})
    for folder in ("a", "b"):
        with pytest.raises(BuildFileError, match=f"{folder}/BUILD.yaml:1:4"):
            load(tree, RULES)
        del tree.files[f"{folder}/BUILD.yaml"]


def test_a_workspace_without_a_root_file_is_refused() -> None:
    with pytest.raises(UsageError, match="in its root"):
        load(DictTree({"x/BUILD.yaml": ""}), RULES)


def test_excluded_folders_declare_nothing() -> None:
    found = loaded(
        {"BUILD.yaml": "exclude: ['third/**', '**/testdata']", "third/x/BUILD.yaml": "["}
        | {"a/testdata/BUILD.yaml": "[", "a/BUILD.yaml": PLAIN}
    )
    assert {label.package for label in found.targets} == {"a"}


def test_a_folder_that_no_label_can_name_is_refused() -> None:
    message, hint = refusal({"my service/BUILD.yaml": ""})
    assert message == "my service/BUILD.yaml:1:1: folder `my service` can't be in a label"
    assert "exclude" in hint


def test_a_dep_that_is_not_there_is_shown_where_it_stands() -> None:
    files = {"lib/BUILD.yaml": PLAIN, "x/BUILD.yaml": service("deps: ['//lib:a',\n  '//lib:bb']")}
    message, hint = refusal(files)
    assert message == "x/BUILD.yaml:5:7: there is no target `//lib:bb`"
    assert hint == "did you mean `//lib:b`?"


def test_a_dep_from_the_defaults_that_is_not_there_is_shown_at_the_target() -> None:
    files = {"BUILD.yaml": "defaults: {all: {deps: [':y']}}", "x/BUILD.yaml": service("port: 1")}
    assert refusal(files)[0] == "x/BUILD.yaml:2:5: there is no target `//x:y`"


def test_the_targets_do_not_depend_on_the_order_of_files() -> None:
    files = {"BUILD.yaml": "", "a/BUILD.yaml": PLAIN, "b/BUILD.yaml": PLAIN}
    backwards = dict(reversed(files.items()))
    assert list(load(DictTree(files), RULES).targets) == list(
        load(DictTree(backwards), RULES).targets
    )
    assert Label("a", "a") in load(DictTree(files), RULES).targets


def test_loading_imports_nothing_slow_until_a_file_is_parsed() -> None:
    program = (
        "import sys; import buildsys.loading.workspace, buildsys.loading.patterns;"
        "print(sorted({'yaml', 'networkx', 'typer', 'rich', 'docker'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
