"""One BUILD.yaml to settings and targets."""

from collections.abc import Iterator
from dataclasses import dataclass

from buildsys.errors import BuildFileError, Location
from buildsys.loading.fields import described, is_null, known_entries, refuse, text
from buildsys.loading.merging import Defaults, Rules, read_attributes, read_defaults
from buildsys.loading.nodes import Entries, Items, Node, Scalar, shown
from buildsys.loading.settings import PACKAGE_KEYS, ROOT_KEYS, read_settings
from buildsys.loading.suggestions import nearest_or_all
from buildsys.loading.values import Scope, label
from buildsys.model.label import Label, is_package_path, is_target_name
from buildsys.model.target import ROOT_BUILD_FILE, AttributeValue, Package, Settings, Target
from buildsys.rules.attributes import Kind

DEPS = "deps"
TARGET_KEYS = ("name", "rule")
EVERY_TARGET = "all"
"""Stands for every target in patterns, so no target can have the name."""


@dataclass(frozen=True, slots=True)
class RootFile:
    """What the root BUILD.yaml says for all packages, its own targets aside."""

    settings: Settings
    defaults: Defaults


@dataclass(frozen=True, slots=True)
class Reference:
    """A label that a package mentions, and where."""

    label: Label
    at: Location


@dataclass(frozen=True, slots=True)
class PackageFile:
    """A package, and the labels of targets that have to exist for it."""

    package: Package
    references: tuple[Reference, ...] = ()


def read_root(node: Node, rules: Rules) -> RootFile:
    """The settings and defaults in the root BUILD.yaml; an empty file has them all by default.

    Raises:
        BuildFileError: something in it can't be understood.
    """
    root = _file_entries(node)
    settings = read_settings(root)
    scope = Scope("", settings.bases.keys())
    return RootFile(settings, read_defaults(root.nodes.get("defaults"), rules, scope))


def read_package(node: Node, folder: str, rules: Rules, root: RootFile) -> PackageFile:
    """The targets that the BUILD.yaml in `folder` declares.

    Raises:
        BuildFileError: something in it can't be understood.
    """
    if not is_package_path(folder):
        hint = (
            "use letters, digits and `._+@-`, or add the folder to `exclude` in the root BUILD.yaml"
        )
        raise BuildFileError(f"folder {shown(folder)} can't be in a label", at=node.at, hint=hint)
    mapping = _file_entries(node)
    _check_keys(mapping, folder)
    scope = Scope(folder, root.settings.bases.keys())
    targets: dict[str, Target] = {}
    references: list[Reference] = []
    for item in _target_entries(mapping.nodes.get("targets")):
        target = _target(item, rules, root.defaults, scope)
        name = target.label.name
        if name in targets:
            first = targets[name].at.line
            refuse(
                item.nodes["name"],
                f"target `{name}` is there twice, first in line {first}",
                "rename one",
            )
        targets[name] = target
        references += _references(item, target, rules, scope)
    return PackageFile(Package(folder, tuple(targets.values())), tuple(references))


def _file_entries(node: Node) -> Entries:
    if is_null(node):
        return Entries({}, {}, node.at)
    if not isinstance(node, Entries):
        refuse(
            node,
            f"a BUILD.yaml has to be a mapping, not {described(node)}",
            "start with `targets:`",
        )
    return node


def _check_keys(mapping: Entries, folder: str) -> None:
    if folder:
        for key in ROOT_KEYS:
            if key in mapping.keys and key not in PACKAGE_KEYS:
                hint = (
                    "move it there, or add this folder to its `exclude` if it's another workspace"
                )
                at = mapping.keys[key]
                raise BuildFileError(
                    f"`{key}` belongs in the root {ROOT_BUILD_FILE}", at=at, hint=hint
                )
    known_entries(mapping, ROOT_BUILD_FILE, PACKAGE_KEYS if folder else ROOT_KEYS)


def _target_entries(node: Node | None) -> Iterator[Entries]:
    if node is None or is_null(node):
        return
    if not isinstance(node, Items):
        refuse(
            node, f"`targets` has to be a list, not {described(node)}", "write `- name: …` below it"
        )
    for item in node.nodes:
        if not isinstance(item, Entries):
            refuse(
                item, f"a target has to be a mapping, not {described(item)}", "write `- name: …`"
            )
        yield item


def _target(item: Entries, rules: Rules, defaults: Defaults, scope: Scope) -> Target:
    name = _name(item)
    if "rule" not in item.nodes:
        refuse(item, f"target `{name}` has no `rule`", nearest_or_all("", rules))
    written = text(item.nodes["rule"], "rule")
    rule = rules.get(written)
    if rule is None:
        refuse(
            item.nodes["rule"], f"there is no rule {shown(written)}", nearest_or_all(written, rules)
        )
    known = {attribute.name for attribute in rule.attributes}
    for key, at in item.keys.items():
        if key not in known and key not in TARGET_KEYS:
            hint = nearest_or_all(key, known)
            raise BuildFileError(f"`{rule.name}` has no attribute {shown(key)}", at=at, hint=hint)
    values = read_attributes(item, rule, defaults, scope)
    deps = _labels(values.get(DEPS))
    return Target(Label(scope.package, name), rule.name, values, deps, item.at)


def _name(item: Entries) -> str:
    if "name" not in item.nodes:
        refuse(item, "a target has no `name`", "add `name: …`; folder and name make its label")
    node = item.nodes["name"]
    name = text(node, "name")
    if not is_target_name(name):
        refuse(node, f"{shown(name)} can't name a target", "use letters, digits and `._+-`")
    if name == EVERY_TARGET:
        refuse(node, f"`{name}` stands for every target, and can't name one", "rename it")
    return name


def _references(item: Entries, target: Target, rules: Rules, scope: Scope) -> Iterator[Reference]:
    """The labels in the target's attributes, with the places where the target itself has them."""
    for attribute in rules[target.rule].attributes:
        if attribute.kind is not Kind.LABELS:
            continue
        node = item.nodes.get(attribute.name)
        places = {
            label(one, attribute.name, scope.package): one.at
            for one in (node.nodes if isinstance(node, Items) else ())
            if isinstance(one, Scalar)
        }
        for wanted in _labels(target.attributes[attribute.name]):
            yield Reference(wanted, places.get(wanted, target.at))


def _labels(value: AttributeValue) -> tuple[Label, ...]:
    """The labels in a value of `Kind.LABELS`."""
    items = value if isinstance(value, tuple) else ()
    return tuple(Label.parse(item) for item in items if isinstance(item, str))
