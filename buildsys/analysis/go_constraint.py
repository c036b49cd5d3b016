"""Build constraints: which Go files count, by `//go:build` expression and by file name.

A tag that depends on the toolchain's own settings (`goexperiment.…`, `amd64.v2`) may go either way:
a file counts if one of the two ways selects it.
"""

import re
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

# The lists of Go's internal/syslist: any other word in a file name is just a word.
UNIX = frozenset(
    ("aix", "android", "darwin", "dragonfly", "freebsd", "hurd", "illumos", "ios", "linux",
     "netbsd", "openbsd", "solaris")
)  # fmt: skip
SYSTEMS = UNIX | {"js", "nacl", "plan9", "wasip1", "windows", "zos"}
MACHINES = frozenset(
    ("386", "amd64", "amd64p32", "arm", "arm64", "arm64be", "armbe", "loong64", "mips", "mips64",
     "mips64le", "mips64p32", "mips64p32le", "mipsle", "ppc", "ppc64", "ppc64le", "riscv",
     "riscv64", "s390", "s390x", "sparc", "sparc64", "wasm")
)  # fmt: skip
_PLACES = SYSTEMS | MACHINES
_IMPLIED = {"android": "linux", "illumos": "solaris", "ios": "darwin"}
_RELEASE = re.compile(r"go1\.\d+")
_TOKEN = re.compile(r"\s*(&&|\|\||!|\(|\)|[\w.]+)")
_LITERAL = re.compile(r"[\w.]+")


@dataclass(frozen=True, slots=True)
class GoPlatform:
    """What a Go build is for, as far as constraints can ask; cgo is off."""

    system: str
    machine: str
    tags: AbstractSet[str]

    def has(self, tag: str, *, unsure: bool) -> bool:
        """Whether a tag is on; `unsure` answers for those that can't be known here."""
        if tag in self.tags or tag in {self.system, self.machine, "gc"}:
            return True
        if tag == _IMPLIED.get(self.system) or (tag == "unix" and self.system in UNIX):
            return True
        if tag.startswith(("goexperiment.", f"{self.machine}.")):
            return unsure
        return _RELEASE.fullmatch(tag) is not None


def satisfied(expression: str, platform: GoPlatform) -> bool:
    """Whether a `//go:build` expression holds; one that can't be understood does."""
    tokens = _tokens(expression)
    if tokens is None:
        return True
    return any(_holds(tokens, platform, unsure=unsure) for unsure in (True, False))


def name_matches(name: str, platform: GoPlatform) -> bool:
    """Whether a file's name (`x_linux.go`, `x_arm64.s`, `x_linux_arm64.go`) is for the platform."""
    parts = name.partition(".")[0].split("_")[1:]
    if parts and parts[-1] == "test":
        parts.pop()
    if not parts or parts[-1] not in _PLACES:
        return True
    asked = parts[-1:]
    if len(parts) > 1 and parts[-1] in MACHINES and parts[-2] in SYSTEMS:
        asked = parts[-2:]
    return all(platform.has(part, unsure=True) for part in asked)


def from_plus_build(line: str) -> str:
    """The expression that a `+build` line stands for: spaces are or, commas are and."""
    options = (" && ".join(option.split(",")) for option in line.split())
    return " || ".join(f"({option})" for option in options)


def _tokens(expression: str) -> list[str] | None:
    tokens: list[str] = []
    position, text = 0, expression.rstrip()
    while position < len(text):
        found = _TOKEN.match(text, position)
        if not found:
            return None
        tokens.append(found[1])
        position = found.end()
    return tokens


def _holds(tokens: list[str], platform: GoPlatform, *, unsure: bool) -> bool:
    rest = tokens[::-1]
    try:
        result = _any_of(rest, lambda tag: platform.has(tag, unsure=unsure))
    except (IndexError, ValueError):
        return True
    return result or bool(rest)


def _any_of(rest: list[str], has: Callable[[str], bool]) -> bool:
    result = _all_of(rest, has)
    while rest and rest[-1] == "||":
        rest.pop()
        # The right side is read in any case: its tokens have to go.
        result = _all_of(rest, has) or result
    return result


def _all_of(rest: list[str], has: Callable[[str], bool]) -> bool:
    result = _one(rest, has)
    while rest and rest[-1] == "&&":
        rest.pop()
        result = _one(rest, has) and result
    return result


def _one(rest: list[str], has: Callable[[str], bool]) -> bool:
    match rest.pop():
        case "!":
            return not _one(rest, has)
        case "(":
            result = _any_of(rest, has)
            if rest.pop() != ")":
                raise ValueError
            return result
        case word if _LITERAL.fullmatch(word):
            return has(word)
        case _:
            raise ValueError
