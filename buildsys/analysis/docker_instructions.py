"""What the instructions of a stage read, and how they are written so that they read nothing else.

BuildKit gets no folder of the checkout: COPY and `RUN --mount=type=bind` take the package's files from a
stage that holds just the declared ones.
"""

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from buildsys.analysis.docker_file import Instruction
from buildsys.analysis.docker_words import Flag
from buildsys.analysis.paths import matches
from buildsys.errors import BuildFileError

CA_SECRET = "ca"  # noqa: S105 - its name
_REMOTE = re.compile(r"[a-z][a-z0-9+.-]*://.*|git@.*", re.IGNORECASE)
_NETWORKS = ("default", "none")
_MOUNTS = ("bind", "cache", "secret", "tmpfs")
_SOURCE_KEYS = ("source", "src")


@dataclass(slots=True)
class Reads:
    """What the instructions of one stage read: other stages and bases, and files of the package."""

    path: str
    """The Dockerfile."""
    inputs_stage: str
    """The stage that will hold the declared files."""
    is_input: Callable[[str, Instruction], None]
    """Refuses a source that no declared file matches."""
    resolve: Callable[[str, Instruction], str]
    """The stage or base of a name; refuses others."""
    names: set[str] = field(default_factory=set)
    inputs_at: Instruction | None = None
    """The first instruction that reads files of the package."""

    def named(self, name: str, instruction: Instruction) -> str:
        if "$" in name:
            hint = "write `FROM $NAME AS stage` before it, and name that stage"
            raise instruction.refused(self.path, f"`{name}` is a variable", hint, name)
        found = self.resolve(name, instruction)
        self.names.add(found)
        return found

    def inputs(self, sources: Iterable[str], instruction: Instruction) -> str:
        for source in sources:
            self._check_source(source, instruction)
        self.inputs_at = self.inputs_at or instruction
        return self.inputs_stage

    def _check_source(self, source: str, instruction: Instruction) -> None:
        # What a variable leads to is unknown here, but BuildKit finds it among the inputs or nowhere.
        if "$" in source:
            return
        path = posixpath.normpath(source.lstrip("/") or ".")
        if path == ".." or path.startswith("../"):
            hint = "copy what lies in the package, or declare the target in a package further up"
            raise instruction.refused(self.path, f"`{source}` leaves the package", hint, source)
        self.is_input(path, instruction)


def written(instruction: Instruction, reads: Reads) -> str:
    """The text of an instruction for BuildKit; what it reads is added to `reads`.

    Raises:
        BuildFileError: it reads what no key would cover.
    """
    if instruction.keyword == "COPY":
        return _copy(instruction, reads)
    if instruction.keyword == "ADD":
        _check_add(instruction, reads)
    if instruction.keyword == "RUN":
        return _run(instruction, reads)
    return instruction.text


def source_matches(source: str, path: str) -> bool:
    """Whether a source of COPY, normalised, stands for a file: by its name, or that of a folder."""
    if source == ".":
        return True
    wanted, parts = source.split("/"), path.split("/")
    return len(wanted) <= len(parts) and all(map(matches, wanted, parts))


def _copy(instruction: Instruction, reads: Reads) -> str:
    sources = instruction.sources
    named = next((flag for flag in instruction.flags if flag.name == "from"), None)
    others = [flag.written for flag in instruction.flags if flag is not named]
    if named is not None:
        found = reads.named(named.value, instruction)
    elif sources:
        # With --parents, a source may have `**` and a pivot, which only BuildKit understands.
        parents = any(flag.name == "parents" for flag in instruction.flags)
        found = reads.inputs(() if parents else sources, instruction)
    else:
        return instruction.text
    return instruction.with_flags(f"--from={found}", *others)


def _check_add(instruction: Instruction, reads: Reads) -> None:
    checked = any(flag.name == "checksum" for flag in instruction.flags)
    for source in instruction.sources:
        if not _REMOTE.fullmatch(source) and not (checked and "$" in source):
            raise instruction.refused(
                reads.path,
                "ADD of files unpacks what looks like an archive, and can't take them from a stage",
                "write COPY, and `RUN tar` where something has to be unpacked",
                source,
            )
        if not checked:
            raise instruction.refused(
                reads.path,
                f"`{source}` may give something else tomorrow, and no key would know",
                "add `--checksum=sha256:…`, for git the commit",
                source,
            )


def _run(instruction: Instruction, reads: Reads) -> str:
    flags = [_run_flag(flag, instruction, reads) for flag in instruction.flags]
    if flags == [flag.written for flag in instruction.flags]:
        return instruction.text
    return instruction.with_flags(*flags)


def _run_flag(flag: Flag, instruction: Instruction, reads: Reads) -> str:
    if flag.name == "mount":
        return _Mount(flag, instruction, reads).written()
    if flag.name == "network" and flag.value in _NETWORKS:
        return flag.written
    if flag.name == "":  # the `--` that ends the flags
        return flag.written
    raise instruction.refused(
        reads.path,
        f"`{flag.written}` needs rights that bs gives to no build",
        "remove it; `--mount` and `--network=none` are fine",
        flag.written,
    )


@dataclass(frozen=True, slots=True)
class _Mount:
    """One `--mount` of a RUN."""

    flag: Flag
    instruction: Instruction
    reads: Reads

    def written(self) -> str:
        kind = self._value("type").lower() or "bind"
        if '"' in self.flag.value:
            raise self._refused("quotes in a mount can't be read", "write paths without commas")
        if kind not in _MOUNTS:
            hint = f"there is {', '.join(_MOUNTS)}; what ssh fetches, no key would cover"
            raise self._refused(f"a mount of type `{kind}` isn't supported", hint)
        if kind == "bind":
            return self._bind()
        if kind == "cache":
            return self._cache()
        if kind == "secret":
            self._check_secret()
        return self.flag.written

    def _bind(self) -> str:
        named = self._value("from")
        if named:
            found = self.reads.named(named, self.instruction)
        else:
            source = self._value(*_SOURCE_KEYS) or "."
            found = self.reads.inputs((source,), self.instruction)
        return self._with(f"from={found}", *self._without("from"))

    def _cache(self) -> str:
        """Empty at each run: what another build left in it would be in no key."""
        if self._value("from"):
            hint = "remove `from`: a cache is empty at each run, and its stage's layer is stored"
            raise self._refused("a cache can't begin with files", hint)
        target = self._value("target", "dst", "destination")
        if not target:
            raise self._refused("a cache needs a `target`", "add `target=/folder`")
        return self._with("type=tmpfs", f"target={target}")

    def _check_secret(self) -> None:
        name = self._value("id") or posixpath.basename(self._value(*_SOURCE_KEYS, "target"))
        if name != CA_SECRET:
            raise self._refused(
                f"bs gives builds no secret `{name}`: no key would cover it",
                f"there is `id={CA_SECRET}`, the host's certificates",
            )

    def _fields(self) -> Iterator[tuple[str, str, str]]:
        for written in self.flag.value.split(","):
            name, _, value = written.partition("=")
            yield name.lower(), value, written

    def _value(self, *names: str) -> str:
        return next((value for name, value, _ in self._fields() if name in names), "")

    def _without(self, *names: str) -> list[str]:
        return [written for name, _, written in self._fields() if name not in names]

    def _with(self, *fields: str) -> str:
        value = ",".join(fields)
        if re.search(r"""[\s'\\]""", value):
            raise self._refused("a mount with white space can't be read", "rename the folder")
        return f"--mount={value}"

    def _refused(self, message: str, hint: str) -> BuildFileError:
        return self.instruction.refused(self.reads.path, message, hint, self.flag.written)
