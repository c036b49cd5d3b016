"""The attributes of a target: its own, the workspace's defaults, the rule's defaults."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Never, TypeAlias

from buildsys.errors import BuildFileError
from buildsys.loading.fields import entries, is_null, known_entries
from buildsys.loading.nodes import Entries, Node, Scalar, shown
from buildsys.loading.suggestions import nearest_or_all
from buildsys.loading.values import Scope, healthcheck, read_value
from buildsys.model.target import AttributeValue
from buildsys.rules.attributes import Attribute, Kind
from buildsys.rules.rule import Rule

Rules: TypeAlias = Mapping[str, Rule[Never]]
"""Loading reads the names and tables of rules; their facts are none of its business."""

EVERY_RULE = "all"
_QUESTIONS = ("http", "command")


@dataclass(frozen=True, slots=True)
class Defaults:
    """Attributes that targets get without saying so: rule → mappings, the weaker one first.

    They stay nodes until a target needs them: labels in them are relative to the target's package.
    """

    of_rule: Mapping[str, tuple[Entries, ...]] = field(default_factory=lambda: MappingProxyType({}))


def read_defaults(node: Node | None, rules: Rules, scope: Scope) -> Defaults:
    """The `defaults` of the root BUILD.yaml, every value checked though no target may use it.

    Raises:
        BuildFileError: an unknown rule or attribute, or a wrong value.
    """
    if node is None or is_null(node):
        return Defaults()
    given = known_entries(node, "defaults", (EVERY_RULE, *rules)).nodes
    layers: dict[str, list[Entries]] = {name: [] for name in rules}
    for name in sorted(given, key=lambda name: name != EVERY_RULE):
        attributes = entries(given[name], name, "attributes below it")
        concerned = list(rules) if name == EVERY_RULE else [name]
        tables = [{one.name: one for one in rules[rule].attributes} for rule in concerned]
        _check_defaults(attributes, name, tables, scope)
        for rule in concerned:
            layers[rule].append(attributes)
    return Defaults(MappingProxyType({rule: tuple(found) for rule, found in layers.items()}))


def _check_defaults(
    attributes: Entries, name: str, tables: Sequence[Mapping[str, Attribute]], scope: Scope
) -> None:
    for key, node in attributes.nodes.items():
        known = [table[key] for table in tables if key in table]
        if not known:
            raise BuildFileError(
                f"no rule has an attribute {shown(key)}"
                if name == EVERY_RULE
                else f"`{name}` has no attribute {shown(key)}",
                at=attributes.keys[key],
                hint=nearest_or_all(key, {one for table in tables for one in table}),
            )
        for attribute in known:
            if attribute.kind is Kind.HEALTHCHECK and not is_null(node):
                healthcheck(node, key, partial=True)
            elif not _is_reset(node):
                read_value(node, key, attribute.kind, scope)


def read_attributes(
    own: Entries, rule: Rule[Never], defaults: Defaults, scope: Scope
) -> Mapping[str, AttributeValue]:
    """A value for each attribute of the rule.

    Raises:
        BuildFileError: a value of the target's, or one merged with the defaults, is wrong.
    """
    layers = (*defaults.of_rule.get(rule.name, ()), own)
    values: dict[str, AttributeValue] = {}
    for attribute in rule.attributes:
        written = [layer.nodes[attribute.name] for layer in layers if attribute.name in layer.nodes]
        node = _merged(written, attribute.kind) if written else None
        if node is None or _is_idle(node, attribute, own):
            values[attribute.name] = attribute.default
        else:
            values[attribute.name] = read_value(node, attribute.name, attribute.kind, scope)
    return MappingProxyType(values)


def _is_reset(node: Node) -> bool:
    """Written as `null`: as though nobody had given the attribute."""
    return is_null(node) and not (isinstance(node, Scalar) and node.missing)


def _is_idle(node: Node, attribute: Attribute, own: Entries) -> bool:
    """Intervals in `defaults` alone are no health check."""
    return (
        attribute.kind is Kind.HEALTHCHECK
        and attribute.name not in own.nodes
        and isinstance(node, Entries)
        and node.nodes.keys().isdisjoint(_QUESTIONS)
    )


def _merged(written: Sequence[Node], kind: Kind) -> Node | None:
    """The last node; mappings go on top of those before them."""
    merged: Node | None = None
    for node in written:
        if _is_reset(node):
            merged = None
        elif isinstance(node, Entries) and isinstance(merged, Entries):
            merged = _on_top(merged, node, kind)
        else:
            merged = node
    return merged


def _on_top(below: Entries, above: Entries, kind: Kind) -> Entries:
    # A target that asks by command doesn't want the default's URL as well.
    asks = kind is Kind.HEALTHCHECK and not above.nodes.keys().isdisjoint(_QUESTIONS)
    kept = [key for key in below.nodes if not (asks and key in _QUESTIONS)]
    return Entries(
        {key: below.nodes[key] for key in kept} | dict(above.nodes),
        {key: below.keys[key] for key in kept} | dict(above.keys),
        above.at,
    )
