"""Targets of the real rules, with their sources given as values."""

from typing import TYPE_CHECKING

from buildsys.model.action import TargetActions
from buildsys.model.label import Label
from buildsys.model.sources import GoSources, PythonSources, RustSources
from buildsys.model.target import AttributeValue, Target
from buildsys.rules.bases import BUILT_IN
from buildsys.rules.registry import GO, PYTHON, RULES, RUST

if TYPE_CHECKING:
    from collections.abc import Mapping

PLATFORM = "linux/amd64"
PINS = {base.name: f"{base.image}@sha256:{number:064x}" for number, base in enumerate(BUILT_IN, 1)}
GO_SOURCES = GoSources(
    module="",
    package="cmd/api",
    manifests=("go.mod", "go.sum"),
    vendored=(),
    files=("cmd/api/main.go", "common/log/log.go", "go.mod", "go.sum"),
    external=("example.com/zap", "example.com/zap/core"),
)
PYTHON_SOURCES = PythonSources(
    package="cmd/agent",
    requirements=(
        ("cmd/agent/requirements.txt", "requests==2.32.0\n"),
        ("cmd/agent/base.txt", "idna==3.20\n"),
    ),
    files=("cmd/agent/agent/__init__.py", "cmd/agent/agent/__main__.py"),
)
RUST_SOURCES = RustSources(
    crate="cmd/cli",
    workspace="cmd/cli",
    name="cli",
    recipe=(("cmd/cli/Cargo.lock", "version = 4\n"), ("cmd/cli/Cargo.toml", "[package]\n")),
    target_paths=("cmd/cli/src/main.rs",),
    files=("cmd/cli/Cargo.lock", "cmd/cli/Cargo.toml", "cmd/cli/src/main.rs"),
    derived=(("cmd/cli/Cargo.lock", "version = 4\n"), ("cmd/cli/Cargo.toml", "[package]\n# 1\n")),
)


def make_target(rule: str, label: str, **attributes: AttributeValue) -> Target:
    """A target with the defaults of its rule filled in, as loading does it."""
    known: Mapping[str, AttributeValue] = {
        attribute.name: attribute.default for attribute in RULES[rule].attributes
    }
    assert attributes.keys() <= known.keys()
    return Target(Label.parse(label), rule, {**known, **attributes})


def go(sources: GoSources = GO_SOURCES, **attributes: AttributeValue) -> TargetActions:
    return GO.actions(make_target("go_image", "//cmd/api", **attributes), sources, PLATFORM)


def python(sources: PythonSources = PYTHON_SOURCES, **attributes: AttributeValue) -> TargetActions:
    attributes = {"module": "agent", **attributes}
    target = make_target("python_image", "//cmd/agent", **attributes)
    return PYTHON.actions(target, sources, PLATFORM)


def rust(sources: RustSources = RUST_SOURCES, **attributes: AttributeValue) -> TargetActions:
    return RUST.actions(make_target("rust_image", "//cmd/cli", **attributes), sources, PLATFORM)
