"""A Dockerfile of the user's own: its stages up to the image, and the files that each may read."""

from collections.abc import Callable, Mapping

from buildsys.analysis.docker_inputs import files_for
from buildsys.analysis.docker_resolving import Resolving
from buildsys.analysis.docker_stages import DockerFile, FileStage, docker_file
from buildsys.analysis.paths import resolve
from buildsys.errors import BuildFileError
from buildsys.model.sources import DockerSources, SourceTree
from buildsys.model.target import Base, Target


def docker_sources(
    tree: SourceTree,
    target: Target,
    *,
    bases: Mapping[str, Base],
    platform: str,
    exclude: Callable[[str], bool],
) -> DockerSources:
    """The stages of a `docker_image`; `exclude` refuses files by their path in the workspace.

    Raises:
        BuildFileError: the Dockerfile, or what the target says of it, can't be used.
    """
    path = _dockerfile_path(tree, target)
    given = dict(target.pairs("build_args"))
    file = docker_file(tree, path, given=given, platform=platform)
    _check_arguments(file, target, given)
    last = _stage(file, target, target.text("target") or file.stages[-1].name, "target")
    files = files_for(tree, target, path, exclude)
    inputs = {
        _stage(file, target, name, "stages").name: files.declared(name, patterns)
        for name, patterns in target.file_lists("stages")
    }
    inputs.setdefault(last.name, files.undeclared)
    resolving = Resolving(file, bases, files, given, inputs, last.name)
    resolving.resolve(last)
    for name in inputs:
        if name not in resolving.found:
            raise BuildFileError(
                f"stage `{name}` is declared, but `{last.name}` takes nothing from it",
                at=target.at,
                hint="remove it from `stages`",
            )
    found = DockerSources(target.label.package, tuple(resolving.found.values()))
    resolving.check_undeclared(found)
    return found


def _dockerfile_path(tree: SourceTree, target: Target) -> str:
    named = target.text("dockerfile")
    path = resolve(target.label.package, named)
    if not path or not tree.is_file(path):
        hint = "name one with `dockerfile`, relative to this folder"
        raise BuildFileError(f"there is no file `{named}`", at=target.at, hint=hint)
    return path


def _check_arguments(file: DockerFile, target: Target, given: Mapping[str, str]) -> None:
    for name in given:
        if name not in file.arguments:
            hint = f"add `ARG {name}` to the stages that need it, or remove it here"
            raise BuildFileError(f"`{file.path}` has no argument `{name}`", at=target.at, hint=hint)


def _stage(file: DockerFile, target: Target, name: str, attribute: str) -> FileStage:
    stage = file.stage(name)
    if stage is None:
        there = ", ".join(f"`{one.name}`" for one in file.stages)
        raise BuildFileError(
            f"`{attribute}` names `{name}`, and `{file.path}` has no such stage",
            at=target.at,
            hint=f"there is {there}",
        )
    return stage
