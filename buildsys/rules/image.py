"""What the images of all rules have in common: the account, the roots of trust, the configuration."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from buildsys.errors import BuildFileError
from buildsys.model.action import CONSTANT_TIME, Action, Role, SourceInput
from buildsys.model.dockerfile import Stage, env, json_words, run, word
from buildsys.model.sources import Derived
from buildsys.model.target import Target
from buildsys.rules import bases
from buildsys.rules.attributes import Attribute, Kind

CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
CA_MOUNT = f"type=secret,id=ca,target={CA_BUNDLE}"
"""The host's certificates, where a build has to trust a corporate proxy; never part of a layer."""

RUNTIME_LAYER = "runtime"
IMAGE_LAYER = "image"
LABEL = "org.opencontainers.image."
"""Annotations that OCI defines (image-spec, annotations.md)."""
SOURCE_ROOT = "/src"
OUTPUT = "/out/image"
"""What is copied into an image, as a tree. BuildKit hashes what COPY takes by walking the folder *around*
it: with a folder right below the root, that is the whole toolchain (0.4 s for Go's)."""
BINARIES = f"{OUTPUT}/usr/local/bin"
ACCOUNT = "/out/runtime"
"""As `OUTPUT`. For COPY's cache neither times nor folders above matter: by the name `account`, a BuildKit may
still have a layer from when times weren't constant."""
_MAKE_TMP = f"mkdir -m 1777 {ACCOUNT}/tmp"  # noqa: S108 - of the image


def constant_times(folder: str) -> str:
    """Ends the step that makes `folder`, whose tree COPY then puts into a layer.

    COPY keeps the times of what it makes and of folders that are there, so the layer is the same at every
    build, without BuildKit writing it twice (`rewrite-timestamp`, 0.2 s), and unpacking what it had written.
    """
    return f"find {folder} -exec touch -h -d @{CONSTANT_TIME} {{}} +"


CONSTANT_TIMES = constant_times(OUTPUT)
COPY_OUTPUT = f"COPY --from=build {OUTPUT}/ /"

BINARY_BASE = Attribute(
    "base",
    Kind.BASE_OR_NONE,
    "Base of the image; `scratch` is none, so that the binary is all there is.",
    bases.RUNTIME,
    bases.NONE,
)

_FOLDER = re.compile(r"(/[A-Za-z0-9_][A-Za-z0-9._+-]*)+")


def source_folder(path: str) -> str:
    """Where a folder of the workspace is inside the build; real paths keep messages readable.

    Raises:
        BuildFileError: a Dockerfile can't name the folder.
    """
    if not re.fullmatch(r"[A-Za-z0-9._+@/-]*", path):
        raise BuildFileError(
            f"folder `{path}` has characters that a Dockerfile can't carry",
            hint="use letters, digits and `._+@-` in folders of services",
        )
    return f"{SOURCE_ROOT}/{path}" if path else SOURCE_ROOT


def binary_name(target: Target) -> str:
    """The `binary` attribute, by default the target's name.

    Raises:
        BuildFileError: it could be more than one word of a command.
    """
    name = target.text("binary") or target.label.name
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", name):
        raise BuildFileError(
            f"`{name}` can't be the name of a binary",
            at=target.at,
            hint="use letters, digits and `._-`",
        )
    return name


def runtime_action(target: Target, *, builder: str, version: int, platform: str) -> Action:
    """The runtime base with the account, writable folders and certificates: all that code isn't.

    The builder base makes the files, so that a base without a shell serves as well.
    """
    base = target.text("base")
    below = () if base == bases.NONE else (base,)
    make_files = run(
        *_account_commands(target),
        constant_times(ACCOUNT),
        mounts=[f"type=bind,from={name},target=/runtime" for name in below],
        offline=True,
    )
    account = Stage("account", builder, (make_files,))
    runtime = Stage(RUNTIME_LAYER, base, (f"COPY --from=account {ACCOUNT}/ /",))
    return Action(
        layer=RUNTIME_LAYER,
        role=Role.DEPENDENCY,
        rule="image",
        rule_version=version,
        stages=(account, runtime),
        platform=platform,
        bases=(builder, *below),
    )


def _account_commands(target: Target) -> list[str]:
    """Lines of passwd and group are appended rather than made by adduser, which not every base has."""
    uid, _, gid = target.text("user").partition(":")
    copy_accounts = (
        "for f in passwd group; do "
        f"cat /runtime/etc/$f > {ACCOUNT}/etc/$f 2>/dev/null || : > {ACCOUNT}/etc/$f; done"
    )
    add_user = (
        f"(cut -d: -f3 {ACCOUNT}/etc/passwd | grep -qx {uid}"
        f" || echo app:x:{uid}:{gid}:app:/:/sbin/nologin >> {ACCOUNT}/etc/passwd)"
    )
    add_group = (
        f"(cut -d: -f3 {ACCOUNT}/etc/group | grep -qx {gid}"
        f" || echo app:x:{gid}: >> {ACCOUNT}/etc/group)"
    )
    return [
        f"mkdir -p {ACCOUNT}/etc/ssl/certs",
        *([_MAKE_TMP] if target.text("base") == bases.NONE else []),
        copy_accounts,
        add_user,
        add_group,
        f"(test -e /runtime{CA_BUNDLE} || cp {CA_BUNDLE} {ACCOUNT}{CA_BUNDLE})",
        *_writable_commands(target, f"{uid}:{gid}"),
    ]


def _writable_commands(target: Target, owner: str) -> list[str]:
    folders = target.strings("writable")
    for folder in folders:
        if not _FOLDER.fullmatch(folder):
            raise BuildFileError(f"`{folder}` can't be a writable folder", at=target.at)
    return [
        f"mkdir -p {shlex.quote(ACCOUNT + folder)} && chown {owner} {shlex.quote(ACCOUNT + folder)}"
        for folder in folders
    ]


class NamedRule(Protocol):
    """What a key takes of a rule."""

    name: str
    version: int


def code_action(
    rule: NamedRule,
    stages: tuple[Stage, ...],
    files: tuple[str, ...],
    platform: str,
    *,
    layers: tuple[str, ...],
    stand_ins: Mapping[str, str] | None = None,
) -> Action:
    """The action of a code layer: the last of `stages` is the image, `files` are sealed as `sources`."""
    return Action(
        layer=IMAGE_LAYER,
        role=Role.CODE,
        rule=rule.name,
        rule_version=rule.version,
        stages=stages,
        platform=platform,
        sources=(SourceInput("sources", files),),
        layers=layers,
        stand_ins=stand_ins,
    )


def with_derived(action: Action, derived: Derived, *, beside: tuple[str, ...] = ()) -> Action:
    """An action that gets some of the files of its only input by the text that was made of them."""
    (sources,) = action.sources
    return replace(action, sources=(replace(sources, derived=derived, beside=beside),))


def binary_stage(target: Target) -> Stage:
    """The image of a service that is one binary: runtime base, binary, configuration."""
    binary = binary_name(target)
    return Stage(
        IMAGE_LAYER,
        RUNTIME_LAYER,
        (
            COPY_OUTPUT,
            *image_instructions(target, (f"/usr/local/bin/{binary}",)),
        ),
    )


def image_instructions(target: Target, entrypoint: tuple[str, ...]) -> tuple[str, ...]:
    """The configuration of the final image, the same for every language."""
    port = target.number("port")
    variables = dict(target.pairs("env"))
    if port is not None:
        variables.setdefault("PORT", str(port))
    lines = [f"LABEL {name}={word(value)}" for name, value in sorted(image_labels(target).items())]
    lines += [env(name, value) for name, value in sorted(variables.items())]
    if port is not None:
        lines.append(f"EXPOSE {port}")
    lines.append(f"USER {target.text('user')}")
    lines += _healthcheck(target)
    lines.append(f"ENTRYPOINT {json_words(entrypoint)}")
    if target.strings("args"):
        lines.append(f"CMD {json_words(target.strings('args'))}")
    return tuple(lines)


def image_labels(target: Target) -> dict[str, str]:
    """The image's own labels: what doesn't change with the commit, else every commit were a new image."""
    said = {f"{LABEL}title": target.label.name, f"{LABEL}description": target.text("description")}
    return {name: value for name, value in said.items() if value} | dict(target.pairs("labels"))


def _healthcheck(target: Target) -> list[str]:
    check = target.healthcheck()
    if check is None:
        return []
    if check.http and target.text("base") == bases.NONE:
        raise BuildFileError(
            f"`{target.label}` has a health check by `http`, and no base with a program that asks",
            at=target.at,
            hint="let the service ask itself (`healthcheck: {command: [NAME, health]}`), or choose a `base`",
        )
    # BusyBox's wget: alpine has it, and so has the bootstrapped base.
    command = check.command or ("wget", "-q", "-O", "/dev/null", check.http)
    flags = (
        f"--interval={check.interval} --timeout={check.timeout}"
        f" --start-period={check.start_period} --retries={check.retries}"
    )
    return [f"HEALTHCHECK {flags} CMD {json_words(command)}"]
