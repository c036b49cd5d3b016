"""Names in a Dockerfile → the stages and bases that they mean, from the last stage down."""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field

from buildsys.analysis.docker_file import Instruction
from buildsys.analysis.docker_inputs import PackageFiles
from buildsys.analysis.docker_instructions import Reads, source_matches, written
from buildsys.analysis.docker_stages import DockerFile, FileStage, argument_items
from buildsys.analysis.docker_words import assignments
from buildsys.model.dockerfile import word
from buildsys.model.sources import SCRATCH, DockerSources, DockerStage, files_stage, inputs_stage
from buildsys.model.target import Base


@dataclass(slots=True)
class Resolving:
    """Grows on the way; `found` has each stage behind those that it needs, unless something is refused."""

    file: DockerFile
    bases: Mapping[str, Base]
    files: PackageFiles
    given: Mapping[str, str]
    inputs: Mapping[str, tuple[str, ...]]
    """Stage → its declared files; the last stage always has some."""
    last: str
    found: dict[str, DockerStage] = field(default_factory=dict)
    _arguments: dict[str, dict[str, str]] = field(default_factory=dict)
    """Stage → its arguments at its end, as ARG takes them."""
    _readers: dict[str, Instruction] = field(default_factory=dict)
    """Stage → the instruction that reads files of the package."""

    def resolve(self, stage: FileStage) -> None:
        """Add a stage, after those that it needs.

        Raises:
            BuildFileError: a name means nothing, or an instruction reads what no key would cover.
        """
        if stage.name in self.found:
            return
        self._check_name(stage)
        owner = self._owner(stage)
        reads = Reads(
            self.file.path,
            inputs_stage(owner),
            lambda source, instruction: self._check_input(owner, source, instruction),
            lambda name, instruction: self._meant(stage, name, instruction),
        )
        base = reads.named(stage.base, stage.start)
        arguments = dict(self._arguments.get(base, {}))
        # A stored layer has no arguments: what its stage had is declared again.
        stored = base in self.inputs
        lines = [f"ARG {item}" for item in arguments.values()] if stored else []
        for instruction in stage.instructions:
            if instruction.keyword == "ARG":
                lines.append(self._argument(instruction, arguments))
            else:
                lines.append(written(instruction, reads))
            for name in _variables(instruction):
                arguments.pop(name, None)
        self._arguments[stage.name] = arguments
        if reads.inputs_at is not None:
            self._readers[stage.name] = reads.inputs_at
        names = sorted(reads.names - {SCRATCH})
        self.found[stage.name] = DockerStage(
            name=stage.name,
            base=base,
            instructions=tuple(lines),
            stages=tuple(name for name in names if name in self.found),
            bases=tuple(name for name in names if name not in self.found),
            inputs=self.inputs.get(stage.name),
        )

    def check_undeclared(self, sources: DockerSources) -> None:
        """Refuse files for a stage that a declared one is made with: it would get those of the image."""
        for layer in sources.layers[:-1]:
            for stage in sources.made_with(layer)[:-1]:
                if stage.name in self._readers:
                    raise self._readers[stage.name].refused(
                        self.file.path,
                        f"stage `{stage.name}` reads files, and `{layer.name}` is built on it",
                        f"declare its files too: `stages: {{{stage.name}: […]}}`",
                    )

    def _owner(self, stage: FileStage) -> str:
        """The stage whose declared files this one may read."""
        return stage.name if stage.name in self.inputs else self.last

    def _argument(self, instruction: Instruction, arguments: dict[str, str]) -> str:
        items = []
        for name, value, plain in argument_items(instruction, self.given, self.file.values):
            shown = word(value) if plain and value is not None else value
            items.append(name if shown is None else f"{name}={shown}")
            arguments.pop(name, None)
            arguments[name] = items[-1]
        return "ARG " + " ".join(items)

    def _check_name(self, stage: FileStage) -> None:
        taken = {name for one in self.inputs for name in (inputs_stage(one), files_stage(one))}
        if stage.name in taken or (stage.name == "image" and stage.name != self.last):
            raise stage.start.refused(
                self.file.path, f"bs itself names something `{stage.name}`", "rename the stage"
            )

    def _check_input(self, owner: str, source: str, instruction: Instruction) -> None:
        inputs = map(self.files.relative, self.inputs[owner])
        if not any(source_matches(source, path) for path in inputs):
            raise instruction.refused(
                self.file.path,
                f"`{source}` isn't among the files of stage `{owner}`",
                self.files.remedy(lambda path: source_matches(source, path)),
                source,
            )

    def _meant(self, stage: FileStage, name: str, instruction: Instruction) -> str:
        if name == SCRATCH:
            return SCRATCH
        found = self.file.stage(name)
        if found is not None and self.file.stages.index(found) < self.file.stages.index(stage):
            self.resolve(found)
            return found.name
        base = self._base(name, instruction)
        if self.file.stage(base) is not None:
            raise instruction.refused(
                self.file.path, f"`{base}` names a base and a stage", "rename the stage", name
            )
        return base

    def _base(self, name: str, instruction: Instruction) -> str:
        """A base by its name, or by the image that it is."""
        if name in self.bases:
            return name
        fitting = [base.name for base in self.bases.values() if _same_image(base.image, name)]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            hint = f"write one of {', '.join(f'`{base}`' for base in fitting)}"
            raise instruction.refused(self.file.path, f"`{name}` is several bases", hint, name)
        short = posixpath.basename(name).partition("@")[0].partition(":")[0].lower()
        raise instruction.refused(
            self.file.path,
            f"`{name}` is neither a stage above nor a base of the workspace",
            f"add it to the root BUILD.yaml: `bases: {{{short}: {{image: {name}}}}}`",
            name,
        )


def _variables(instruction: Instruction) -> list[str]:
    """The names that an ENV sets; it wins over an ARG of the same name."""
    if instruction.keyword != "ENV":
        return []
    found = list(assignments(instruction.rest))
    # `ENV NAME any text` is the old form.
    return [name for name, _ in (found if found and found[0][1] is not None else found[:1])]


def _same_image(one: str, other: str) -> bool:
    return _full(one) == _full(other)


def _full(image: str) -> str:
    short = image.removeprefix("docker.io/").removeprefix("library/")
    return short if ":" in posixpath.basename(short) or "@" in short else f"{short}:latest"
