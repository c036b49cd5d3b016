"""The schema says what the loader says, wherever a schema can; the reference's examples load."""

import json

import pytest
from jsonschema import Draft202012Validator

from buildsys.errors import BuildFileError
from buildsys.loading.nodes import Entries, Items, Node, Scalar, node_of
from buildsys.loading.reference import EXAMPLE_ROOT, reference, target_example
from buildsys.loading.schema import json_schema
from buildsys.loading.yaml_nodes import parse
from buildsys.rules.registry import RULES as REAL_RULES
from tests.unit.loading import test_build_file, test_values
from tests.unit.loading.support import RULES, loaded, service

# What needs more than the file itself, or the difference between nothing and `null`.
BEYOND = (
    "base: alpin", "deps: [':nope']", "title:", "defaults: {all: {port: }}", "env: {A: }",
    "healthcheck: {}", "healthcheck: {interval: 1s}", "max_size: 0.1B", "max_size: 99999999TB",
    "user: 4294967295:1", "bases: {x: {}}", "bases: {x: {image: a, bootstrap: {}}}",
    "healthcheck: {command: ['']}", "- {name: a, rule: plain}", "deps: ['//a b']",
    "deps: ['//cmd/...']", "deps: ['//../x']",
)  # fmt: skip


def plain(node: Node) -> object:
    match node:
        case Scalar():
            return node.value
        case Items():
            return [plain(item) for item in node.nodes]
        case Entries():
            return {key: plain(value) for key, value in node.nodes.items()}


def accepts(text: str) -> bool:
    instance = plain(node_of(parse(text), "BUILD.yaml"))
    return bool(Draft202012Validator(json_schema(RULES)).is_valid(instance))


def loads(text: str) -> bool:
    try:
        loaded({"BUILD.yaml": text})
    except BuildFileError:
        return False
    return True


CORPUS = [
    *(service(attributes.replace("//cmd/api:api", ":api")) for attributes in test_values.TAKEN),
    *(service(attributes) for attributes in test_values.REFUSED),
    *test_build_file.ROOT_REFUSED,
    test_build_file.ALL,
    EXAMPLE_ROOT,
    "",
    "targets:",
    "workspace: 7",
    "defaults: {all: {port: null, healthcheck: {interval: 1s}}}",
]


def test_the_schema_is_one() -> None:
    for rules in (RULES, REAL_RULES):
        Draft202012Validator.check_schema(json_schema(rules))
        assert json.dumps(json_schema(rules)) == json.dumps(json_schema(rules))


@pytest.mark.parametrize("text", CORPUS)
def test_schema_and_loader_agree(text: str) -> None:
    if not any(words in text for words in BEYOND):
        assert accepts(text) == loads(text)


def test_the_schema_never_refuses_what_loads() -> None:
    assert [text for text in CORPUS if loads(text) and not accepts(text)] == []


def test_a_package_has_no_settings() -> None:
    schema = json_schema(RULES)
    package = Draft202012Validator({**schema, "$ref": "#/$defs/package"})
    assert package.is_valid({"targets": [{"name": "a", "rule": "plain"}], "$schema": "x"})
    assert not package.is_valid({"workspace": "w"})


@pytest.mark.parametrize("name", REAL_RULES)
def test_the_examples_load(name: str) -> None:
    example = target_example(name, REAL_RULES[name].attributes)
    assert example in reference(REAL_RULES)
    assert EXAMPLE_ROOT in reference(REAL_RULES)
    found = loaded({"BUILD.yaml": EXAMPLE_ROOT, "x/BUILD.yaml": ""}).settings
    assert found.name == "shop"


def test_the_example_of_a_rule_loads_with_every_attribute() -> None:
    rule = RULES["service"]
    example = target_example("service", rule.attributes)
    (target,) = loaded({"x/BUILD.yaml": example}).targets.values()
    changed = [one.name for one in rule.attributes if target.attributes[one.name] != one.default]
    assert set(changed) >= {one.name for one in rule.attributes} - {"user", "deps"}


def test_the_reference_names_every_attribute() -> None:
    page = reference(RULES)
    assert page == reference(RULES)
    for rule in RULES.values():
        assert all(f"`{attribute.name}`" in page for attribute in rule.attributes)
