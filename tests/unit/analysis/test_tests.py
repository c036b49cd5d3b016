"""What running a service's tests takes: its inputs, and that they are none of its image's."""

import pytest

from buildsys.analysis.analyze import Analysis
from buildsys.loading.workspace import load
from buildsys.model.action import TargetActions
from buildsys.rules.registry import RULES
from tests.fake_tree import DictTree
from tests.targets import PLATFORM

ROOT = {"BUILD.yaml": "workspace: w\n"}
MAIN = 'package main\nimport "example.com/m/common/a"\nfunc main() { a.A() }\n'
GO = {
    **ROOT,
    "go.mod": "module example.com/m\n",
    "cmd/api/BUILD.yaml": "targets: [{name: api, rule: go_image}]\n",
    "cmd/api/main.go": MAIN,
    "cmd/api/main_test.go": (
        'package main\nimport (\n "embed"\n "testing"\n "example.com/m/common/kit"\n)\n'
        "//go:embed golden/*\nvar golden embed.FS\n"
    ),
    "cmd/api/golden/one": "1",
    "cmd/api/testdata/deep/two": "2",
    "cmd/api/only_windows_test.go": "//go:build windows\n\npackage main\n",
    "common/a/a.go": "package a\n",
    "common/a/a_test.go": "package a_test\n",
    "common/b/b.go": "package b\n",
    "common/b/b_test.go": "package b\n",
    "common/kit/kit.go": 'package kit\nimport "example.com/m/common/b"\n',
    "common/kit/kit_test.go": "package kit\n",
}
PYTHON = {
    **ROOT,
    "cmd/agent/BUILD.yaml": "targets: [{name: agent, rule: python_image, module: agent}]\n",
    "cmd/agent/requirements.txt": "a==1\n",
    "cmd/agent/requirements-dev.txt": "-r requirements.txt\npytest==1\n",
    "cmd/agent/agent/__init__.py": "",
    "cmd/agent/agent/test_inner.py": "",
    "cmd/agent/tests/test_x.py": "import kit.tool\n",
    "cmd/agent/tests/data.json": "{}",
    "cmd/agent/pytest.ini": "",
    "cmd/agent/notes.md": "",
    "kit/__init__.py": "",
    "kit/tool.py": "",
}
RUST = {
    **ROOT,
    "app/BUILD.yaml": "targets: [{name: app, rule: rust_image}]\n",
    "app/Cargo.toml": '[package]\nname = "app"\nversion = "0.1.0"\n',
    "app/Cargo.lock": "",
    "app/src/main.rs": "",
    "app/tests/it.rs": "",
    "app/benches/b.rs": "",
    "app/examples/e.rs": "",
    "app/target/debug/x": "",
}


def analysis(files: dict[str, str]) -> Analysis:
    tree = DictTree(files)
    return Analysis(load(tree, RULES).targets, tree, PLATFORM)


def actions_of(files: dict[str, str]) -> TargetActions | None:
    one = analysis(files)
    return next(iter(one.test_actions(one.targets)), None)


def inputs(target: TargetActions, layer: str) -> set[str]:
    return {path for source in target.action(layer).sources for path in source.paths}


def image_inputs(files: dict[str, str]) -> set[str]:
    one = analysis(files)
    (target,) = one.actions(one.targets)
    return {p for action in target.actions for s in action.sources for p in s.files}


def test_go_tests_are_those_of_all_packages_of_the_service() -> None:
    target = actions_of(GO)
    assert target is not None
    assert inputs(target, "tests") == {
        "go.mod", "cmd/api/main.go", "cmd/api/main_test.go", "cmd/api/golden/one",
        "cmd/api/testdata/deep/two", "common/a/a.go", "common/a/a_test.go", "common/b/b.go",
        "common/kit/kit.go",
    }  # fmt: skip
    step = target.action("tests").stages[0].instructions[-1]
    assert "/src/cmd/api /src/common/a" in step
    assert "/src/common/b" not in step, "what only tests import is not tested with it"


def test_python_tests_bring_their_own_requirements() -> None:
    target = actions_of(PYTHON)
    assert target is not None
    assert [action.layer for action in target.actions] == [
        "runtime", "requirements", "test-requirements", "tests",
    ]  # fmt: skip
    assert inputs(target, "test-requirements") == {
        "cmd/agent/requirements-dev.txt", "cmd/agent/requirements.txt",
    }  # fmt: skip
    assert inputs(target, "tests") == {
        "cmd/agent/agent/__init__.py", "cmd/agent/agent/test_inner.py", "cmd/agent/tests/test_x.py",
        "cmd/agent/tests/data.json", "cmd/agent/pytest.ini", "kit/__init__.py", "kit/tool.py",
    }  # fmt: skip


PYPROJECT = """\
[project]
name = "agent"
[tool.ruff] # strict
select = ["ALL"]
[tool.ruff.lint]
preview = true
[tool.mypy]
strict = true
[tool.pytest.ini_options]
addopts = "-ra"
"""


def pyproject_of_tests(text: str, build_file: str = PYTHON["cmd/agent/BUILD.yaml"]) -> str | None:
    path = "cmd/agent/pyproject.toml"
    target = actions_of({**PYTHON, path: text, "cmd/agent/BUILD.yaml": build_file})
    assert target is not None
    (sources,) = target.action("tests").sources
    assert path in sources.paths
    return dict(sources.derived).get(path)


def test_tests_of_python_get_settings_without_those_of_linters() -> None:
    assert pyproject_of_tests(PYPROJECT) == (
        '[project]\nname = "agent"\n\n[tool.pytest.ini_options]\naddopts = "-ra"\n'
    )
    assert pyproject_of_tests("[tool.ruff]\n") == ""
    assert pyproject_of_tests("not toml") == "not toml"


@pytest.mark.parametrize("attribute", ["data", "test_data"])
def test_settings_that_the_target_names_are_whole(attribute: str) -> None:
    build_file = PYTHON["cmd/agent/BUILD.yaml"].replace(
        "module: agent", f"module: agent, {attribute}: [pyproject.toml]"
    )
    assert pyproject_of_tests(PYPROJECT, build_file) is None


@pytest.mark.parametrize(
    "name",
    [
        "pyproject.toml",
        "setup.py",
        "setup.cfg",
        "tox.ini",
        "ruff.toml",
        "requirements.in",
        "uv.lock",
    ],
)
def test_settings_of_tools_are_in_no_image_unless_the_target_names_them(name: str) -> None:
    path = f"cmd/agent/{name}"
    files = {**PYTHON, path: ""}
    assert path not in image_inputs(files)
    build_file = PYTHON["cmd/agent/BUILD.yaml"].replace(
        "module: agent", f"module: agent, data: [{name}]"
    )
    assert path in image_inputs({**files, "cmd/agent/BUILD.yaml": build_file})


def test_python_without_requirements_gets_pytest_alone() -> None:
    bare = {path: text for path, text in PYTHON.items() if "requirements" not in path}
    target = actions_of(bare)
    assert target is not None
    assert [action.layer for action in target.actions] == ["runtime", "test-requirements", "tests"]
    assert "pytest==" in target.action("test-requirements").stages[0].instructions[-1]


def test_cargo_tests_compile_all_there_is() -> None:
    target = actions_of(RUST)
    assert target is not None
    assert inputs(target, "tests") == {path for path in RUST if path.startswith("app/")} - {
        "app/BUILD.yaml", "app/target/debug/x",
    }  # fmt: skip


def test_cargo_tests_bring_the_crates_that_only_they_need() -> None:
    files = {
        **RUST,
        "app/Cargo.toml": RUST["app/Cargo.toml"]
        + '[dev-dependencies]\nkit = { path = "../kit" }\n',
        "app/tests/it.rs": 'const X: &str = include_str!("../../shared/x.json");\n',
        "kit/Cargo.toml": '[package]\nname = "kit"\n[dependencies]\nbolt = { path = "../bolt" }\n',
        "kit/src/lib.rs": "",
        "bolt/Cargo.toml": '[package]\nname = "bolt"\n',
        "bolt/src/lib.rs": "",
        "shared/x.json": "{}",
    }
    target = actions_of(files)
    assert target is not None
    wanted = {"kit/src/lib.rs", "bolt/src/lib.rs", "shared/x.json"}
    assert wanted <= inputs(target, "tests")
    assert not wanted & image_inputs(files)


def test_a_new_test_of_a_crate_is_new_to_its_tests_alone() -> None:
    def recipe(files: dict[str, str], *, tests: bool) -> tuple[str, ...]:
        one = analysis(files)
        (target,) = (one.test_actions if tests else one.actions)(one.targets)
        return target.action("test-cook" if tests else "cook").sources[0].names_only

    more = {**RUST, "app/tests/more.rs": "", "app/examples/more.rs": "", "app/benches/more.rs": ""}
    assert recipe(RUST, tests=False) == recipe(more, tests=False) == ("app/src/main.rs",)
    assert "app/tests/more.rs" in recipe(more, tests=True)


@pytest.mark.parametrize(
    ("files", "folder"), [(GO, "cmd/api"), (PYTHON, "cmd/agent"), (RUST, "app")]
)
def test_what_only_tests_read_can_be_named(files: dict[str, str], folder: str) -> None:
    build_file = f"{folder}/BUILD.yaml"
    named = files[build_file].replace("}]", ', test_data: ["fixtures/**"]}]')
    more = {**files, build_file: named, f"{folder}/fixtures/deep/notes.md": ""}
    target = actions_of(more)
    assert target is not None
    assert f"{folder}/fixtures/deep/notes.md" in inputs(target, "tests")
    more |= {f"{folder}/fixtures/rows.json": "[]"}
    assert image_inputs(more) == image_inputs(files)


def test_no_image_depends_on_what_only_tests_read() -> None:
    for files in (GO, PYTHON, RUST):
        assert not {
            path
            for path in image_inputs(files)
            if "test" in path or "golden" in path or "kit" in path or "-dev" in path
        }


def test_who_has_no_tests_has_no_actions() -> None:
    assert actions_of({path: text for path, text in GO.items() if "_test.go" not in path}) is None
    assert actions_of({p: text for p, text in PYTHON.items() if "/test_" not in p}) is None
