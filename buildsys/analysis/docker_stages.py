"""The stages of a Dockerfile, their names, and the values of its arguments."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from buildsys.analysis.docker_file import (
    KEYWORDS,
    DockerFileFacts,
    DockerFileReader,
    Instruction,
    instructions,
)
from buildsys.analysis.docker_words import UnknownExpansionError, assignments, expanded
from buildsys.errors import BuildFileError, Location
from buildsys.model.sources import SourceTree

_STAGE_NAME = re.compile(r"[a-z][a-z0-9_.-]*")
_FRONTEND = re.compile(r"(?:docker\.io/)?docker/dockerfile(?::[0-9.]+)?(?:@sha256:[0-9a-f]{64})?")
_READER = DockerFileReader()


@dataclass(frozen=True, slots=True)
class FileStage:
    """A stage as the file has it; unnamed ones are called after their number, from 0."""

    name: str
    base: str
    """What FROM names, with variables expanded."""
    start: Instruction
    instructions: tuple[Instruction, ...]


@dataclass(frozen=True, slots=True)
class DockerFile:
    """A Dockerfile that was read; `values` are those of its arguments before the first FROM."""

    path: str
    stages: tuple[FileStage, ...]
    values: Mapping[str, str]
    arguments: frozenset[str]
    """Names of all arguments that the file declares anywhere."""

    def stage(self, name: str) -> FileStage | None:
        """A stage by name or number."""
        wanted = name.lower()
        for number, stage in enumerate(self.stages):
            if wanted in {stage.name, str(number)}:
                return stage
        return None


@dataclass(slots=True)
class _Reading:
    """Grows while the file is read from top to bottom."""

    path: str
    platform: str
    given: Mapping[str, str]
    values: dict[str, str]
    stages: list[tuple[Instruction, list[Instruction]]] = field(default_factory=list)
    arguments: set[str] = field(default_factory=set)


def docker_file(
    tree: SourceTree, path: str, *, given: Mapping[str, str], platform: str
) -> DockerFile:
    """The Dockerfile at `path`; `given` are values for its arguments.

    Raises:
        BuildFileError: it isn't one, or has what bs can't key.
    """
    facts = tree.facts(path, _READER)
    _check(facts, path)
    reading = _Reading(path, platform, given, _platform_values(platform))
    for instruction in instructions(facts):
        _read(reading, instruction)
    if not reading.stages:
        raise BuildFileError("a Dockerfile without FROM", at=Location(path), hint="add `FROM base`")
    stages: dict[str, FileStage] = {}
    for number, (start, body) in enumerate(reading.stages):
        stage = _stage(reading, number, start, body)
        if stage.name in stages:
            raise start.refused(
                path, f"stage `{stage.name}` is there twice", "rename one", stage.name
            )
        stages[stage.name] = stage
    found = tuple(stages.values())
    return DockerFile(path, found, reading.values, frozenset(reading.arguments))


def _check(facts: DockerFileFacts, path: str) -> None:
    for fault in facts["faults"]:
        raise BuildFileError(
            fault["message"], at=Location(path, fault["line"], 1), hint=fault["hint"]
        )
    for name, value, line in facts["directives"]:
        at = Location(path, line, 1)
        if name == "escape" and value != "\\":
            hint = "use backslashes; `escape` is for images of Windows"
            raise BuildFileError(f"`escape={value}` isn't supported", at=at, hint=hint)
        if name == "syntax" and not _FRONTEND.fullmatch(value):
            raise BuildFileError(
                f"`{value}` is another frontend, whose work no key would cover",
                at=at,
                hint="write `# syntax=docker/dockerfile:1`: BuildKit's own frontend serves it",
            )


def _platform_values(platform: str) -> dict[str, str]:
    """The arguments that every Dockerfile has; images are built on the platform that they are for."""
    system, _, machine = platform.partition("/")
    machine, _, variant = machine.partition("/")
    parts = {"PLATFORM": platform, "OS": system, "ARCH": machine, "VARIANT": variant}
    return {f"{side}{part}": parts[part] for side in ("TARGET", "BUILD") for part in parts}


def _read(reading: _Reading, instruction: Instruction) -> None:
    keyword = instruction.keyword
    if keyword not in KEYWORDS:
        written = instruction.lines[0][1].split()[0]
        raise instruction.refused(
            reading.path,
            f"there is no instruction `{written}`",
            "there are " + ", ".join(sorted(KEYWORDS)),
        )
    if keyword == "ONBUILD":
        raise instruction.refused(
            reading.path,
            "ONBUILD runs in builds of other images, where no key would cover it",
            "write the instruction into the stages that need it",
        )
    if keyword == "ARG":
        reading.arguments.update(name for name, _ in assignments(instruction.rest))
    if keyword == "FROM":
        reading.stages.append((instruction, []))
    elif reading.stages:
        reading.stages[-1][1].append(instruction)
    elif keyword == "ARG":
        _global_argument(reading, instruction)
    else:
        raise instruction.refused(
            reading.path, f"{keyword} stands before the first FROM", "move it below a FROM"
        )


def _global_argument(reading: _Reading, instruction: Instruction) -> None:
    for name, value in assignments(instruction.rest):
        if name in reading.given:
            reading.values[name] = reading.given[name]
        elif value is not None:
            reading.values[name] = _expanded(reading, instruction, value)


def _stage(
    reading: _Reading, number: int, start: Instruction, body: list[Instruction]
) -> FileStage:
    words = start.words
    if len(words) not in {1, 3} or (len(words) == 3 and words[1].upper() != "AS"):  # noqa: PLR2004
        raise start.refused(
            reading.path, "FROM takes a name, and one for the stage", "write `FROM base AS stage`"
        )
    name = words[2].lower() if len(words) > 1 else f"stage-{number}"
    if not _STAGE_NAME.fullmatch(name):
        hint = "use letters, digits and `._-`, a letter first"
        raise start.refused(reading.path, f"`{words[2]}` can't name a stage", hint, words[2])
    for flag in start.flags:
        _check_platform(reading, start, flag.name, flag.value)
    base = _expanded(reading, start, words[0])
    if not base:
        hint = "give the ARG before the first FROM a value, or name it in `build_args`"
        raise start.refused(reading.path, f"`{words[0]}` is empty", hint, words[0])
    return FileStage(name, base, start, tuple(body))


def _check_platform(reading: _Reading, start: Instruction, flag: str, value: str) -> None:
    if flag != "platform":
        raise start.refused(reading.path, f"FROM has no flag `--{flag}`", "remove it", f"--{flag}")
    if _expanded(reading, start, value) != reading.platform:
        raise start.refused(
            reading.path,
            f"`{value}` isn't the platform of this build, `{reading.platform}`",
            "remove `--platform`: bs builds for the platform that it runs on",
            "--platform",
        )


def _expanded(reading: _Reading, instruction: Instruction, word: str) -> str:
    try:
        return expanded(word, reading.values)
    except UnknownExpansionError as error:
        hint = "write `${NAME}`, `${NAME:-default}` or `${NAME:+other}`"
        raise instruction.refused(
            reading.path, f"`{error}` can't be used before the stages", hint, str(error)
        ) from None


def argument_items(
    instruction: Instruction, given: Mapping[str, str], values: Mapping[str, str]
) -> Iterator[tuple[str, str | None, bool]]:
    """Names and values of a stage's ARG; True for a plain value, False for one as it is written."""
    for name, value in assignments(instruction.rest):
        if name in given:
            yield name, given[name], True
        elif value is None and name in values:
            yield name, values[name], True
        else:
            yield name, value, False
