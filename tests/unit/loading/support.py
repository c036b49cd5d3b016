"""What the tests of loading share: small rules, short ways to load and to be refused."""

from collections.abc import Mapping
from typing import Never

import pytest

from buildsys.errors import BuildFileError
from buildsys.loading.merging import Rules
from buildsys.loading.workspace import Workspace, load
from buildsys.model.action import TargetActions
from buildsys.model.label import Label
from buildsys.model.target import AttributeValue, Target
from buildsys.rules.attributes import IMAGE_ATTRIBUTES, Attribute, Kind
from tests.fake_tree import DictTree


class ServiceRule:
    """Has an attribute of every kind."""

    name = "service"
    version = 1
    static = False
    doc = "A rule for tests."
    attributes: tuple[Attribute, ...] = (
        *IMAGE_ATTRIBUTES,
        Attribute("title", Kind.TEXT, "A title.", "untitled", "api"),
        Attribute("debug", Kind.FLAG, "Whether to debug.", default=False, example="true"),
        Attribute("grace", Kind.DURATION, "Time to stop in.", "10s", "1m30s"),
        Attribute("base", Kind.BASE, "Base of the image.", "alpine", "golang"),
        Attribute("platforms", Kind.PLATFORMS, "Platforms.", (), "[linux/arm64]"),
    )

    def actions(self, target: Target, sources: Never, platform: str) -> TargetActions:
        raise NotImplementedError


class PlainRule(ServiceRule):
    """Has hardly any attributes."""

    name = "plain"
    attributes: tuple[Attribute, ...] = (Attribute("title", Kind.TEXT, "A title.", "", "x"),)


RULES: Rules = {"service": ServiceRule(), "plain": PlainRule()}


def loaded(files: Mapping[str, str]) -> Workspace:
    return load(DictTree({"BUILD.yaml": "workspace: w\n", **files}), RULES)


def service(attributes: str) -> str:
    """A BUILD.yaml with one target; `attributes` are lines of YAML, the first of them line 4."""
    lines = "".join(f"    {line}\n" for line in attributes.splitlines())
    return f"targets:\n  - name: api\n    rule: service\n{lines}"


def value_of(attributes: str, name: str, root: str = "workspace: w\n") -> AttributeValue:
    files = {"BUILD.yaml": root, "cmd/api/BUILD.yaml": service(attributes)}
    return loaded(files).targets[Label("cmd/api", "api")].attributes[name]


def refusal(files: Mapping[str, str]) -> tuple[str, str]:
    """The message with its place, and the hint."""
    with pytest.raises(BuildFileError) as caught:
        loaded(files)
    assert not caught.value.message.endswith(".")
    return str(caught.value), caught.value.hint
