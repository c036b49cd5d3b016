"""The root BUILD.yaml: what holds for the whole workspace."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TypeVar

from buildsys.loading.cache_settings import cache_settings
from buildsys.loading.fields import (
    described,
    entries,
    flag,
    integer,
    is_null,
    items,
    known_entries,
    matching,
    refuse,
    text,
)
from buildsys.loading.nodes import Entries, Node, Scalar, shown
from buildsys.loading.values import FOLDER, file_pattern
from buildsys.model.target import Base, Bootstrap, EngineSettings, Settings
from buildsys.rules.bases import BUILT_IN, NONE

T = TypeVar("T")

PACKAGE_KEYS = ("targets", "$schema")
ROOT_KEYS = ("workspace", "bases", "engine", "cache", "exclude", "defaults", *PACKAGE_KEYS)

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
# Names of bases become names of contexts and stages of a Dockerfile, which have no capital letters.
BASE_NAME = re.compile(r"[a-z][a-z0-9._-]*")
IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]*")
# Packages become one argument of mmdebstrap, separated by commas; a leading `-` would be an option.
DEBIAN_PACKAGE = re.compile(r"[a-z0-9][A-Za-z0-9.+:=~/-]*")
SUITE = re.compile(r"[a-z][a-z0-9-]*")
TRIMMED = re.compile(r"(/[A-Za-z0-9_*][A-Za-z0-9._+*-]*)+")
LINKED = re.compile(r"/?([A-Za-z0-9._+-]+/)*[A-Za-z0-9._+-]+")
# The schemes that buildctl knows (client/connhelper).
ADDRESS = re.compile(
    r"(unix|tcp|ssh|kube-pod|docker-container|podman-container|nerdctl-container)://[!-+.-~-]+"
)
CERTIFICATES = re.compile(r"[ -~]+")
SERVER_NAME = re.compile(r"[A-Za-z0-9*][A-Za-z0-9.:*-]*")
MOST_SOLVES = 1000
VARIANTS = ("minbase", "extract")


def read_settings(root: Entries) -> Settings:
    """The settings in the root BUILD.yaml; the bases are the built-in ones and those declared here.

    Raises:
        BuildFileError: something in it can't be understood.
    """
    mapping = known_entries(root, "BUILD.yaml", ROOT_KEYS).nodes
    default = Settings()
    return Settings(
        name=_optional(mapping, "workspace", _name, default.name),
        bases=_optional(
            mapping, "bases", _bases, MappingProxyType({base.name: base for base in BUILT_IN})
        ),
        engine=_optional(mapping, "engine", _engine, default.engine),
        exclude=_optional(
            mapping, "exclude", lambda node, name: items(node, name, file_pattern), ()
        ),
        cache=_optional(mapping, "cache", cache_settings, default.cache),
    )


def _optional(
    mapping: Mapping[str, Node], name: str, read: Callable[[Node, str], T], default: T
) -> T:
    node = mapping.get(name)
    return default if node is None or is_null(node) else read(node, name)


_name = matching(NAME, "a name", "use letters, digits and `._+-`")


def _bases(node: Node, name: str) -> Mapping[str, Base]:
    bases = {base.name: base for base in BUILT_IN}
    mapping = entries(node, name, "`name: {image: …}` below it")
    for base, value in mapping.nodes.items():
        if not BASE_NAME.fullmatch(base):
            at = Scalar(base, quoted=True, at=mapping.keys[base])
            refuse(at, f"{shown(base)} can't name a base", "use small letters, digits and `._-`")
        if base == NONE:
            at = Scalar(base, quoted=True, at=mapping.keys[base])
            refuse(at, "`scratch` is the name for no base", "choose another name")
        bases[base] = _base(value, base, bases.get(base))
    return MappingProxyType(dict(sorted(bases.items())))


def _base(node: Node, name: str, built_in: Base | None) -> Base:
    """A base; what isn't given stays as in the built-in base of that name."""
    given = known_entries(node, name, ("image", "bootstrap")).nodes
    if "image" not in given and built_in is None:
        refuse(node, f"base `{name}` has no `image`", "add `image: registry/name:tag`")
    base = built_in or Base(name, "")
    image = _image(given["image"], "image") if "image" in given else base.image
    if "bootstrap" not in given:
        return replace(base, image=image)
    bootstrap = given["bootstrap"]
    return Base(name, image, None if is_null(bootstrap) else _bootstrap(bootstrap, base.bootstrap))


def _bootstrap(node: Node, built_in: Bootstrap | None) -> Bootstrap:
    given = known_entries(node, "bootstrap", BOOTSTRAP).nodes
    values = {key: BOOTSTRAP[key](value, key) for key, value in given.items()}
    bootstrap = replace(built_in or Bootstrap(packages=()), **values)  # type: ignore[arg-type]
    if not bootstrap.packages:
        refuse(node, "`bootstrap` has no `packages`", "name at least one Debian package")
    return bootstrap


def _variant(node: Node, name: str) -> str:
    variant = text(node, name)
    if variant not in VARIANTS:
        refuse(node, f"`{name}` has to be `minbase` or `extract`, not {described(node)}")
    return variant


def _links(node: Node, name: str) -> tuple[tuple[str, str], ...]:
    mapping = entries(node, name, "`/usr/bin/python3: python3.13` below it")
    for link in mapping.nodes:
        if not FOLDER.fullmatch(link):
            at = Scalar(link, quoted=True, at=mapping.keys[link])
            refuse(
                at,
                f"{shown(link)} in `{name}` can't be the path of a link",
                "write `/usr/bin/name`",
            )
    return tuple(sorted((link, _linked(target, name)) for link, target in mapping.nodes.items()))


_image = matching(IMAGE, "an image reference", "write `registry/name:tag`")
_linked = matching(LINKED, "paths of links and what they point to")
_package = matching(DEBIAN_PACKAGE, "names of Debian packages")
_trimmed = matching(TRIMMED, "absolute paths", "write `/usr/share/doc/*`")
_address = matching(ADDRESS, "addresses of BuildKit", "write `unix:///run/buildkit/buildkitd.sock`")


BOOTSTRAP: Mapping[str, Callable[[Node, str], object]] = MappingProxyType(
    {
        "packages": lambda node, name: items(node, name, _package),
        "suite": matching(SUITE, "a Debian suite", "write `trixie`"),
        "variant": _variant,
        "trim": lambda node, name: items(node, name, _trimmed),
        "links": _links,
        "busybox": flag,
    }
)


ENGINE: Mapping[str, Callable[[Node, str], object]] = MappingProxyType(
    {
        "addresses": lambda node, name: items(node, name, _address),
        "certificates": matching(CERTIFICATES, "a folder", "write `/certs`"),
        "server_name": matching(SERVER_NAME, "the name in a certificate", "write `buildkitd`"),
        "solves": lambda node, name: integer(node, name, 1, MOST_SOLVES),
    }
)


def _engine(node: Node, name: str) -> EngineSettings:
    given = known_entries(node, name, ENGINE).nodes
    values = {key: ENGINE[key](value, key) for key, value in given.items() if not is_null(value)}
    return replace(EngineSettings(), **values)  # type: ignore[arg-type]
