"""The reference of BUILD.yaml files (docs/build-files.md), made from the rules' tables."""

import json
from collections.abc import Iterable, Iterator, Mapping

from buildsys.loading.merging import Rules
from buildsys.model.check import Check
from buildsys.model.target import PLATFORMS, AttributeValue
from buildsys.rules.attributes import IMAGE_ATTRIBUTES, Attribute, Kind
from buildsys.rules.bases import BUILT_IN

EXAMPLE_ROOT = """\
workspace: shop
exclude: ["docs/**", "**/testdata/**"]
bases:
  alpine: {image: "docker.io/library/alpine:3.22"}
  tools:
    image: registry.example.com/tools:7
    bootstrap: {packages: [busybox-static], variant: extract, busybox: true}
engine:
  addresses: ["tcp://buildkitd-0.buildkitd:1234", "tcp://buildkitd-1.buildkitd:1234"]
  certificates: /certs
cache:
  registry: registry.example.com/shop/cache
  signed_by: ["ed25519:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="]
  max_size: 20GB
  max_age: 30d
defaults:
  all:
    user: "1000:1000"
    env: {LOG_LEVEL: info}
"""

_INTRODUCTION = """\
# BUILD.yaml files

Written by `bs`; change the tables in `buildsys/rules`, not this page.

A BUILD.yaml is YAML without its traps. `true`, `false`, `null` and decimal numbers have their
meaning; all else is text just as it is written: `no`, `1.10`, `22:22`, `0123`. Where text is
asked for, a number is text as well, and `true` has to be quoted. Anchors, aliases, tags, merge
keys, duplicate keys and several documents are refused, and so are files of more than 128 KiB.

## The root BUILD.yaml

It marks the workspace. All keys but `workspace` are optional:

| key | what it says |
|---|---|
| `workspace` | name of the workspace |
| `bases` | base images by name; what isn't given stays as in the built-in base of that name |
| `engine` | `addresses` of BuildKit instead of one that `bs` finds or starts; `certificates`, \
`server_name`, `solves` at a time ([more](engines.md)) |
| `cache` | `registry` where [results are shared](shared-cache.md), `signed_by`, `pull_requests_signed_by`; \
`max_size` and `max_age` (`12h`, `30d`, `4w`) of what [`bs gc`](ci.md) leaves of the store |
| `exclude` | patterns of files that never enter any build, nor declare targets |
| `defaults` | attributes that targets get without saying so, by rule, or for `all` rules |
| `targets` | targets of the root package |
| `$schema` | for editors; `bs` doesn't read it |

```yaml
{example}```

A target's own attribute wins over the defaults of its rule, and these over the ones for `all`.
Mappings (`env`, `healthcheck`) are laid on top of each other, everything else is replaced; `null`
goes back to what the rule itself has. In `defaults`, `healthcheck` may be just timings.

Base keys: `image`, and `bootstrap`, a root file system made from Debian packages for places
without a registry: `packages`, `suite`, `variant` (`minbase` or `extract`), `trim` (paths to
remove, with `*`), `links` (path of the link: what it points to), `busybox` (its applets become
commands). Built-in bases:

| base | image |
|---|---|
{bases}

## Packages

A BUILD.yaml in a folder makes it a package. It has `targets`, and nothing else. Each target has a
`name`, a `rule` and attributes of that rule; its label is `//folder:name`, or `//folder` if both
names are equal.
"""


def reference(rules: Rules) -> str:
    """The page; the same text for the same tables."""
    bases = "\n".join(f"| `{base.name}` | `{base.image}` |" for base in BUILT_IN)
    parts = [_INTRODUCTION.replace("{example}", EXAMPLE_ROOT).replace("{bases}", bases)]
    for name, rule in sorted(rules.items()):
        example = f"```yaml\n{target_example(name, rule.attributes)}```\n"
        own = [one for one in rule.attributes if one not in IMAGE_ATTRIBUTES]
        parts.append(f"## `{name}`\n\n{rule.doc}\n\n{example}\n{_table(own)}")
    parts += ["## Attributes of all images\n\n" + _table(IMAGE_ATTRIBUTES), "\n".join(_forms())]
    return "\n".join(parts)


def target_example(rule: str, attributes: Iterable[Attribute]) -> str:
    """A BUILD.yaml with one target that has every attribute with an example, labels aside."""
    lines = ["targets:", "  - name: example", f"    rule: {rule}"]
    lines += [
        f"    {attribute.name}: {attribute.example}"
        for attribute in attributes
        if attribute.example and attribute.kind is not Kind.LABELS
    ]
    return "\n".join(lines) + "\n"


def _table(attributes: Iterable[Attribute]) -> str:
    rows = [
        f"| `{one.name}` | {one.kind.value} | {_default(one.default)} | {one.doc} |"
        f" {_code(one.example)} |"
        for one in attributes
    ]
    if not rows:
        return "It has the attributes of all images and no others.\n"
    head = "| attribute | is a | default | meaning | example |\n|---|---|---|---|---|\n"
    return head + "\n".join(rows) + "\n"


def _default(value: AttributeValue) -> str:
    if value is None or value in ("", ()):
        return "none"
    return _code(value if isinstance(value, str) else json.dumps(value, default=str))


def _code(text: str) -> str:
    escaped = text.replace("|", "\\|")
    return f"`{escaped}`" if text else ""


def _forms() -> Iterator[str]:
    yield "## What values look like\n"
    for kind, form in _FORMS.items():
        yield f"- **{kind.value}**: {form}"
    yield ""


_FORMS: Mapping[Kind, str] = {
    Kind.TEXT: "on one line, without control characters.",
    Kind.PORT: "1 to 65535.",
    Kind.SIZE: "`15MB`, `200kB`, `1.5GiB` or a number of bytes; MB is 1000², MiB is 1024².",
    Kind.DURATION: "`500ms`, `30s`, `2m`, `1m30s`.",
    Kind.FILES: "relative to the package: `*` within a folder, `**` across folders, a folder for "
    "all that is below it.",
    Kind.FILES_BY_STAGE: "a mapping of stages, named as in the Dockerfile, to lists of file patterns.",
    Kind.LABELS: "`//folder:name`, or `:name` in the same package; the targets have to exist.",
    Kind.VARIABLES: "a mapping of names to texts.",
    Kind.LABELLING: "a mapping of names to texts.",
    Kind.COUNT: "1 to 1000.",
    Kind.PLATFORMS: f"any of {', '.join(f'`{platform}`' for platform in PLATFORMS)}.",
    Kind.CHECKS: f"any of {', '.join(f'`{check}`' for check in Check)}; see [verify.md](verify.md).",
    Kind.HEALTHCHECK: "a mapping with `http` (a URL) or `command` (a list), and optionally "
    "`interval`, `timeout`, `start_period` (durations) and `retries`.",
    Kind.BASE: "one of the built-in bases or of those in the root BUILD.yaml.",
    Kind.BASE_OR_NONE: "one of those bases, or `scratch`.",
    Kind.USER: "`UID:GID`, two numbers above 0.",
    Kind.FOLDERS: "absolute, of letters, digits and `._+-`.",
}
