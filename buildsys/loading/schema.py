"""The JSON Schema of BUILD.yaml files, made from the tables that loading itself works with.

It knows all keys and the forms of values; what needs the whole workspace (labels, names of bases)
only `bs` can check.
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from buildsys.loading import settings, values
from buildsys.loading.cache_settings import AGE, PUBLIC_KEY, REPOSITORY
from buildsys.loading.merging import EVERY_RULE, Rules
from buildsys.model.target import PLATFORMS
from buildsys.rules.attributes import Attribute, Kind
from buildsys.rules.bases import NONE

Schema: TypeAlias = dict[str, object]

_TEXT: Schema = {"$ref": "#/$defs/text"}
_PATTERNS: Schema = {"type": "array", "items": {"$ref": "#/$defs/file_pattern"}}
_TARGETS: Schema = {"type": ["array", "null"], "items": {"$ref": "#/$defs/target"}}


def json_schema(rules: Rules) -> Schema:
    """The schema of the root BUILD.yaml; that of all others is below it, in `#/$defs/package`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "BUILD.yaml",
        "$ref": "#/$defs/root",
        "$defs": {
            "root": _file(_root_keys(rules)),
            "package": _file({}),
            "target": _target(rules),
            **{
                f"rule_{name}": _rule_target(rule.attributes, name)
                for name, rule in sorted(rules.items())
            },
            **_DEFINITIONS,
        },
    }


def kind_schema(kind: Kind) -> Schema:
    """What may be written for an attribute."""
    return dict(_KINDS[kind])


def _object(properties: Mapping[str, object], *required: str) -> Schema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def _file(keys: Mapping[str, object]) -> Schema:
    schema = _object({"$schema": {}, **keys, "targets": _TARGETS})
    return {**schema, "type": ["object", "null"]}


def _root_keys(rules: Rules) -> Schema:
    every = {one.name: one for rule in rules.values() for one in rule.attributes}
    defaults: Schema = {EVERY_RULE: _object(_attributes(every.values()))}
    for name, rule in sorted(rules.items()):
        defaults[name] = _object(_attributes(rule.attributes))
    engine = _object(
        {
            "addresses": _or_null({"type": "array", "items": _text(settings.ADDRESS)}),
            "certificates": _or_null(_text(settings.CERTIFICATES)),
            "server_name": _or_null(_text(settings.SERVER_NAME)),
            "solves": _or_null({"type": "integer", "minimum": 1, "maximum": settings.MOST_SOLVES}),
        }
    )
    keys = _or_null({"type": "array", "items": _text(PUBLIC_KEY)})
    cache = _object(
        {
            "registry": _or_null(_text(REPOSITORY)),
            "signed_by": keys,
            "pull_requests_signed_by": keys,
            "max_size": _or_null(kind_schema(Kind.SIZE)),
            "max_age": _or_null(_text(AGE)),
        }
    )
    bases: Schema = {
        "type": ["object", "null"],
        "propertyNames": {"pattern": _whole(settings.BASE_NAME), "not": {"const": NONE}},
        "additionalProperties": {"$ref": "#/$defs/base"},
    }
    return {
        "workspace": _or_null(_text(settings.NAME)),
        "bases": bases,
        "engine": _or_null(engine),
        "cache": _or_null(cache),
        "exclude": _or_null(_PATTERNS),
        "defaults": _or_null(_object(defaults)),
    }


def _target(rules: Rules) -> Schema:
    """Chosen by the rule, so that editors complain about an attribute and not about all rules."""
    return {
        "type": "object",
        "properties": {"rule": {"enum": sorted(rules)}},
        "required": ["name", "rule"],
        "allOf": [
            {
                "if": {"properties": {"rule": {"const": name}}, "required": ["rule"]},
                "then": {"$ref": f"#/$defs/rule_{name}"},
            }
            for name in sorted(rules)
        ],
    }


def _rule_target(attributes: Iterable[Attribute], rule: str) -> Schema:
    name: Schema = {"allOf": [_text(settings.NAME), {"not": {"const": "all"}}]}
    own: Schema = {"name": name, "rule": {"const": rule}}
    return _object({**own, **_attributes(attributes)})


def _attributes(attributes: Iterable[Attribute]) -> Schema:
    return {
        attribute.name: {**_or_null(kind_schema(attribute.kind)), "description": attribute.doc}
        for attribute in attributes
    }


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _whole(pattern: re.Pattern[str]) -> str:
    return f"^(?:{pattern.pattern})$"


def _text(pattern: re.Pattern[str]) -> Schema:
    """Numbers are text as well, where they can be: `pattern` says nothing about them."""
    types = ["string", "number"] if pattern.fullmatch("7") else ["string"]
    return {"type": types, "pattern": _whole(pattern)}


def _integer(least: int, most: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most}


_COMMAND: Schema = {"type": "array", "items": _TEXT, "minItems": 1}
_HEALTHCHECK = {
    "http": _text(values.URL),
    "command": _COMMAND,
    "interval": _text(values.DURATION),
    "timeout": _text(values.DURATION),
    "start_period": _text(values.DURATION),
    "retries": _integer(1, values.MAX_COUNT),
}
_BOOTSTRAP = {
    "packages": {"type": "array", "items": _text(settings.DEBIAN_PACKAGE), "minItems": 1},
    "suite": _text(settings.SUITE),
    "variant": {"enum": list(settings.VARIANTS)},
    "trim": {"type": "array", "items": _text(settings.TRIMMED)},
    "links": {
        "type": "object",
        "propertyNames": {"pattern": _whole(values.FOLDER)},
        "additionalProperties": _text(settings.LINKED),
    },
    "busybox": {"type": "boolean"},
}

_DEFINITIONS: Mapping[str, Schema] = MappingProxyType(
    {
        "text": {"type": ["string", "number"], "pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$"},
        "file_pattern": {
            "type": ["string", "number"],
            "pattern": r"^(?!!)(?!.*\\)(?!.*(?:^|/)\.{0,2}(?:/|$))(?!.*[^/]\*\*)(?!.*\*\*[^/]).+$",
        },
        # A default may leave out what is asked, and a target may leave it to a default.
        "healthcheck": {**_object(_HEALTHCHECK), "not": {"required": ["http", "command"]}},
        "base": _object(
            {"image": _text(settings.IMAGE), "bootstrap": _or_null(_object(_BOOTSTRAP))}
        ),
    }
)

_KINDS: Mapping[Kind, Schema] = MappingProxyType(
    {
        Kind.TEXT: _TEXT,
        Kind.FLAG: {"type": "boolean"},
        Kind.PORT: _integer(1, values.MAX_PORT),
        Kind.SIZE: {
            "anyOf": [_integer(1, 2**63 - 1), {"type": "string", "pattern": _whole(values.SIZE)}]
        },
        Kind.DURATION: _text(values.DURATION),
        Kind.TEXTS: {"type": "array", "items": _TEXT},
        Kind.FILES: _PATTERNS,
        Kind.FILES_BY_STAGE: {
            "type": "object",
            "propertyNames": {"pattern": _whole(values.STAGE)},
            "additionalProperties": _PATTERNS,
        },
        Kind.LABELS: {"type": "array", "items": {"type": "string", "pattern": "^(//|:)."}},
        Kind.VARIABLES: {
            "type": "object",
            "propertyNames": {"pattern": _whole(values.VARIABLE)},
            "additionalProperties": _TEXT,
        },
        Kind.LABELLING: {
            "type": "object",
            "propertyNames": {"pattern": _whole(values.LABEL_NAME)},
            "additionalProperties": _TEXT,
        },
        Kind.COUNT: _integer(1, values.MAX_COUNT),
        Kind.CHECKS: {"type": "array", "items": {"enum": list(values.CHECKS)}},
        Kind.PLATFORMS: {"type": "array", "items": {"enum": list(PLATFORMS)}},
        Kind.HEALTHCHECK: {"$ref": "#/$defs/healthcheck"},
        Kind.BASE: _text(settings.BASE_NAME),
        Kind.BASE_OR_NONE: _text(settings.BASE_NAME),
        Kind.USER: {"type": "string", "pattern": _whole(values.USER)},
        Kind.FOLDERS: {"type": "array", "items": _text(values.FOLDER)},
    }
)
