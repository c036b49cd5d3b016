"""Nodes to attribute values, by `Kind`."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType

from buildsys.errors import UsageError
from buildsys.loading.fields import (
    described,
    entries,
    flag,
    integer,
    items,
    known_entries,
    matching,
    refuse,
    text,
)
from buildsys.loading.nodes import Entries, Node, Scalar, shown
from buildsys.loading.suggestions import nearest_or_all
from buildsys.model.check import Check
from buildsys.model.label import Label
from buildsys.model.target import PLATFORMS, AttributeValue, Healthcheck
from buildsys.rules.attributes import Kind
from buildsys.rules.bases import NONE

DURATION = re.compile(r"(?=[0-9])([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?([0-9]{1,6}ms)?")
FOLDER = re.compile(r"(/[A-Za-z0-9_][A-Za-z0-9._+-]*)+")
SIZE = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,9})?) ?(B|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB)")
# Docker asks for this form (docs.docker.com, object labels); a Dockerfile carries it without quotes.
LABEL_NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
CHECKS = tuple(str(check) for check in Check)
STAGE = re.compile(r"[a-z][a-z0-9_.-]*")
USER = re.compile(r"[1-9][0-9]{0,9}:[1-9][0-9]{0,9}")
URL = re.compile(r"https?://[!#-&(-;=?-\[\]_a-z~]+")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

MAX_PORT = 65_535
MAX_COUNT = 1_000
_MAX_SIZE = 2**63 - 1
# The highest number stands for "no user" in the kernel.
_MAX_ID = 2**32 - 2
_UNITS = MappingProxyType(
    {"B": 1}
    | {"kB": 1000, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "TB": 1000**4}
    | {"KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "TiB": 1024**4}
)


@dataclass(frozen=True, slots=True)
class Scope:
    """What values may refer to: the package that they stand in, the bases that there are."""

    package: str = ""
    bases: Collection[str] = field(default=frozenset())


def read_value(node: Node, name: str, kind: Kind, scope: Scope) -> AttributeValue:
    """The value of attribute `name`.

    Raises:
        BuildFileError: the node isn't what `kind` asks for.
    """
    if isinstance(node, Scalar) and node.missing:
        refuse(
            node, f"`{name}` has no value", f"write one, or `{name}: null` for the rule's default"
        )
    if kind is Kind.LABELS:
        labels = items(node, name, lambda item, name: label(item, name, scope.package))
        return tuple(str(one) for one in sorted(set(labels)))
    if kind is Kind.BASE:
        return _base(node, name, scope.bases)
    if kind is Kind.BASE_OR_NONE:
        return _base(node, name, (*scope.bases, NONE))
    return _READERS[kind](node, name)


def label(node: Node, name: str, package: str) -> Label:
    """A label, absolute or `:name` in `package`."""
    written = text(node, name)
    try:
        return Label.parse(f"//{package}{written}" if written.startswith(":") else written)
    except UsageError as error:
        refuse(
            node,
            f"{shown(written)} in `{name}` is not a label",
            error.hint or "labels start with `//`, or with `:` for this package",
        )


def file_pattern(node: Node, name: str) -> str:
    """A pattern of files below the package; in the one spelling that patterns have."""
    pattern = text(node, name)
    if pattern.endswith("/"):
        refuse(node, f"{shown(pattern)} in `{name}` ends with `/`", f"write `{pattern}**`")
    if pattern.startswith("!"):
        refuse(node, f"{shown(pattern)} in `{name}` starts with `!`", "leave out what shall stay")
    parts = pattern.split("/")
    if not {"", ".", ".."}.isdisjoint(parts) or "\\" in pattern:
        hint = "write paths relative to this folder, with `/`"
        refuse(node, f"{shown(pattern)} in `{name}` is not a path below this folder", hint)
    if any("**" in part and part != "**" for part in parts):
        hint = "`**` stands for any folders, as in `**/*.md`"
        refuse(node, f"{shown(pattern)} in `{name}` has `**` beside other characters", hint)
    return pattern


duration = matching(DURATION, "a duration", "durations look like `500ms`, `30s` or `1m30s`")


def healthcheck(node: Node, name: str, *, partial: bool = False) -> Healthcheck:
    """A health check; a `partial` one, in `defaults`, may leave out what is asked."""
    given = known_entries(node, name, _HEALTHCHECK).nodes
    if ("http" in given) == ("command" in given) and not (partial and "http" not in given):
        refuse(node, f"`{name}` has to have one of `http` and `command`", "the others are optional")
    return Healthcheck(**{key: _HEALTHCHECK[key](value, key) for key, value in given.items()})  # type: ignore[arg-type]


def _base(node: Node, name: str, known: Collection[str]) -> str:
    base = text(node, name)
    if base not in known:
        refuse(node, f"there is no base {shown(base)}", nearest_or_all(base, known))
    return base


def _user(node: Node, name: str) -> str:
    user = _numeric_user(node, name)
    if max(map(int, user.split(":"))) > _MAX_ID:
        refuse(
            node,
            f"{shown(user)} is more than a user or group number can be",
            f"{_MAX_ID} is the most",
        )
    return user


_numeric_user = matching(
    USER, "two numbers above 0, `UID:GID`", "services don't run as root; `1000:1000` is the default"
)


def size(node: Node, name: str) -> int:
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, str) and (found := SIZE.fullmatch(value)):
        value = int(Fraction(found[1]) * _UNITS[found[2]])
    if not isinstance(value, int) or isinstance(value, bool):
        hint = "sizes look like `15MB`, `200kB` or `1.5GiB`; MB is 1000², MiB 1024²"
        refuse(node, f"`{name}` has to be a size, not {described(node)}", hint)
    if not 0 < value <= _MAX_SIZE:
        refuse(
            node, f"`{name}` has to be more than 0 and less than 2^63 bytes, not {described(node)}"
        )
    return value


def _variables(node: Node, name: str) -> tuple[tuple[str, str], ...]:
    mapping = entries(node, name, f"`{name}: {{LOG_LEVEL: info}}`")
    for key in mapping.nodes:
        check_variable(mapping, key, name)
    return tuple(sorted((key, text(value, key)) for key, value in mapping.nodes.items()))


def _labelling(node: Node, name: str) -> tuple[tuple[str, str], ...]:
    mapping = entries(node, name, f"`{name}: {{org.opencontainers.image.vendor: Shop}}`")
    for key in mapping.nodes:
        if not LABEL_NAME.fullmatch(key):
            at = Scalar(key, quoted=True, at=mapping.keys[key])
            hint = "use small letters, digits and `._-`"
            refuse(at, f"{shown(key)} in `{name}` can't name a label", hint)
    return tuple(sorted((key, text(value, key)) for key, value in mapping.nodes.items()))


def _check(node: Node, name: str) -> str:
    check = text(node, name)
    if check not in CHECKS:
        refuse(node, f"there is no check {shown(check)}", nearest_or_all(check, CHECKS))
    return check


def _platform(node: Node, name: str) -> str:
    platform = text(node, name)
    if platform not in PLATFORMS:
        refuse(node, f"there is no platform {shown(platform)}", nearest_or_all(platform, PLATFORMS))
    return platform


def _files_by_stage(node: Node, name: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    mapping = entries(node, name, f"`{name}: {{deps: [package.json]}}`")
    for key in mapping.nodes:
        if not STAGE.fullmatch(key):
            at = Scalar(key, quoted=True, at=mapping.keys[key])
            refuse(
                at, f"{shown(key)} in `{name}` can't name a stage", "write it as in the Dockerfile"
            )
    return tuple(
        sorted((key, items(value, key, file_pattern)) for key, value in mapping.nodes.items())
    )


def check_variable(mapping: Entries, key: str, name: str) -> None:
    if not VARIABLE.fullmatch(key):
        at = Scalar(key, quoted=True, at=mapping.keys[key])
        refuse(at, f"{shown(key)} in `{name}` can't name a variable", "use letters, digits and `_`")


def _command(node: Node, name: str) -> tuple[str, ...]:
    words = items(node, name, text)
    if not words or not words[0]:
        refuse(node, f"`{name}` has to name a program", f"write `{name}: [program, argument]`")
    return words


_HEALTHCHECK: Mapping[str, Callable[[Node, str], object]] = MappingProxyType(
    {
        "http": matching(URL, "an http URL", "write `http://localhost:8080/health`"),
        "command": _command,
        "interval": duration,
        "timeout": duration,
        "start_period": duration,
        "retries": lambda node, name: integer(node, name, 1, MAX_COUNT),
    }
)

_READERS: Mapping[Kind, Callable[[Node, str], AttributeValue]] = MappingProxyType(
    {
        Kind.TEXT: text,
        Kind.FLAG: flag,
        Kind.PORT: lambda node, name: integer(node, name, 1, MAX_PORT),
        Kind.SIZE: size,
        Kind.DURATION: duration,
        Kind.TEXTS: lambda node, name: items(node, name, text),
        Kind.FILES: lambda node, name: items(node, name, file_pattern),
        Kind.FILES_BY_STAGE: _files_by_stage,
        Kind.VARIABLES: _variables,
        Kind.HEALTHCHECK: healthcheck,
        Kind.LABELLING: _labelling,
        Kind.COUNT: lambda node, name: integer(node, name, 1, MAX_COUNT),
        Kind.CHECKS: lambda node, name: items(node, name, _check),
        Kind.PLATFORMS: lambda node, name: items(node, name, _platform),
        Kind.USER: _user,
        Kind.FOLDERS: lambda node, name: items(
            node, name, matching(FOLDER, "absolute folders", "write `[/data]`")
        ),
    }
)
