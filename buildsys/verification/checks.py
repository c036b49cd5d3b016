"""The checks that look at an image without running it; each returns what is wrong."""

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from buildsys.model.check import Check
from buildsys.rules.image import LABEL
from buildsys.verification.subject import Subject

Question = Callable[[Subject], Iterator[str]]

_SHOWN = 5
_SET_ID = 0o6000
_COMPILERS = re.compile(
    r"/(bin|sbin|libexec|gcc)/([^/]+/)*"
    r"(([^/]+-)?(gcc|g\+\+|cc|c\+\+|clang|clang\+\+|tcc|ld|as)(-[0-9.]+)?"
    r"|cc1|cc1plus|go|gofmt|rustc|cargo|javac|ghc|ocamlopt)$"
)
_CACHES = (
    "/var/cache/apk/", "/var/cache/apt/archives/", "/var/lib/apt/lists/", "/var/cache/dnf/", "/root/.cache/",
    "/root/.npm/", "/root/.cargo/registry/", "/usr/local/cargo/registry/", "/cargo/registry/", "/go/pkg/",
    "/root/go/pkg/", "/go/cache/", "/tmp/", "/etc/apk/cache/",  # noqa: S108 - a place in an image
)  # fmt: skip
_MOVING = ("created", "revision", "ref.name")
"""Labels that are another at each commit; they belong to what is attached to an image when it is pushed."""
_COMMIT = re.compile(r"(?<![0-9a-f])[0-9a-f]{40}(?![0-9a-f])")


def _user(subject: Subject) -> Iterator[str]:
    user = str(subject.config.get("User", ""))
    uid, _, gid = user.partition(":")
    if not uid.isdigit() or not gid.isdigit():
        yield f"runs as {f'`{user}`' if user else 'root'}, not as a numeric UID:GID"
    elif int(uid) == 0 or int(gid) == 0:
        yield f"runs as root ({user})"


def _setuid(subject: Subject) -> Iterator[str]:
    for path, file in subject.files.items():
        if file.kind == "file" and file.mode & _SET_ID:
            yield f"{path} has mode {file.mode:o}"


def _static(subject: Subject) -> Iterator[str]:
    program = subject.program
    elf = subject.programs.get(program.path) if program else None
    if program is None or elf is None:
        yield "its entrypoint is no program in the image"
    elif elf.interpreter or elf.needed:
        needs = ", ".join(filter(None, (elf.interpreter, *elf.needed)))
        yield f"{program.path} needs {needs}"


def _stripped(subject: Subject) -> Iterator[str]:
    for path, elf in subject.programs.items():
        if elf.symbols and subject.files[path].layer >= subject.code_from:
            yield f"{path} has {', '.join(elf.symbols)}"


def _trimmed(subject: Subject) -> Iterator[str]:
    program = subject.program
    elf = subject.programs.get(program.path) if program else None
    if program is not None and elf is not None and elf.folders:
        yield f"{program.path} names folders of the build: {', '.join(elf.folders)}"


def _tools(subject: Subject) -> Iterator[str]:
    for path, file in subject.files.items():
        if file.kind != "folder" and _COMPILERS.search(path):
            yield f"{path} is there"


def _caches(subject: Subject) -> Iterator[str]:
    for path, file in subject.files.items():
        if file.kind == "file" and path.startswith(_CACHES):
            yield f"{path} is there"


def _sources(subject: Subject) -> Iterator[str]:
    for path, file in subject.files.items():
        source = subject.foreign.get(file.digest or "")
        if source is not None and file.layer >= subject.code_from:
            yield f"{path} is {source}, which isn't among its inputs"


def _labels(subject: Subject) -> Iterator[str]:
    labels = subject.config.get("Labels") or {}
    if not labels.get(f"{LABEL}title"):
        yield f"has no label {LABEL}title"
    for name, value in sorted(labels.items()):
        if name in {LABEL + moving for moving in _MOVING}:
            yield f"label {name} changes without the image; attach it when the image is pushed"
        elif _COMMIT.search(str(value)):
            yield f"label {name} looks like a commit ({value})"
    if not subject.created.startswith("1980-01-01"):
        yield f"says that it was created at {subject.created or 'no time'}, not at the constant time"


def _size(subject: Subject) -> Iterator[str]:
    budget, size = subject.target.number("max_size"), subject.image.result.unpacked_bytes
    if budget is not None and size > budget:
        yield f"has {size} bytes, {size - budget} more than max_size ({budget})"


def _health(subject: Subject) -> Iterator[str]:
    kind, *_ = (subject.config.get("Healthcheck") or {}).get("Test") or ("NONE",)
    if kind == "NONE":
        yield "has no health check"


QUESTIONS: Mapping[Check, Question] = MappingProxyType(
    {
        Check.USER: _user,
        Check.SETUID: _setuid,
        Check.STATIC: _static,
        Check.STRIPPED: _stripped,
        Check.TRIMMED: _trimmed,
        Check.TOOLS: _tools,
        Check.CACHES: _caches,
        Check.SOURCES: _sources,
        Check.LABELS: _labels,
        Check.SIZE: _size,
        Check.HEALTH: _health,
    }
)


def concerns(check: Check, subject: Subject) -> bool:
    """Whether a check has something to ask of the image."""
    if check in {Check.STATIC, Check.TRIMMED}:
        return subject.static
    return check is not Check.SIZE or subject.target.number("max_size") is not None


def problems(check: Check, subject: Subject) -> tuple[str, ...]:
    """What is wrong, the first few."""
    found = list(QUESTIONS[check](subject))
    more = len(found) - _SHOWN
    return (*found[:_SHOWN], f"and {more} more") if more > 0 else tuple(found)
