"""`docker_image`: a Dockerfile of the user's own, whose named stages are layers where files are declared."""

from buildsys.model.action import Action, Role, SourceInput, TargetActions
from buildsys.model.dockerfile import Stage
from buildsys.model.sources import SCRATCH, DockerSources, DockerStage, files_stage, inputs_stage
from buildsys.model.target import Target
from buildsys.rules.attributes import IMAGE_ATTRIBUTES, Attribute, Kind
from buildsys.rules.image import IMAGE_LAYER, source_folder

_OF_ALL_IMAGES = ("max_size", "repository", "run_port", "run_env", "waive")


class DockerImage:
    """Each stage with declared files is a stored layer; the target stage is the image."""

    name = "docker_image"
    version = 1
    static = False
    doc = (
        "An image from a Dockerfile of your own, see [docker-image.md](docker-image.md). User, health check,"
        " environment and command are the Dockerfile's."
    )
    attributes: tuple[Attribute, ...] = (
        *(one for one in IMAGE_ATTRIBUTES if one.name in _OF_ALL_IMAGES),
        Attribute(
            "port", Kind.PORT, "Port that the service listens on, for `bs run` and `bs up`.", None, "8081"
        ),
        Attribute(
            "dockerfile", Kind.TEXT, "The Dockerfile, relative to the package.", "Dockerfile",
            "docker/Dockerfile",
        ),
        Attribute("target", Kind.TEXT, "Stage that is the image; the last by default.", "", "app"),
        Attribute(
            "stages",
            Kind.FILES_BY_STAGE,
            "Stages that are layers of their own, each with all the files it may read. The target's stage"
            " may read all that `.dockerignore` leaves, unless it is named too.",
            (),
            "{deps: [package.json, package-lock.json]}",
        ),
        Attribute("build_args", Kind.VARIABLES, "Values for ARG.", (), '{NODE_ENV: "production"}'),
    )  # fmt: skip

    def actions(self, target: Target, sources: DockerSources, platform: str) -> TargetActions:
        return TargetActions(
            target.label,
            self.name,
            tuple(self._action(sources, layer, platform) for layer in sources.layers),
            target.number("max_size"),
        )

    def _action(self, sources: DockerSources, layer: DockerStage, platform: str) -> Action:
        made = sources.made_with(layer)
        names = {name for stage in made for name in stage.stages}
        is_image = layer is sources.stages[-1]
        sealed, stages = _inputs(sources.package, layer)
        stages += tuple(Stage(one.name, one.base, one.instructions) for one in made)
        return Action(
            layer=IMAGE_LAYER if is_image else layer.name,
            role=Role.CODE if is_image else Role.DEPENDENCY,
            rule=self.name,
            rule_version=self.version,
            stages=stages,
            platform=platform,
            sources=sealed,
            bases=tuple(sorted({name for stage in made for name in stage.bases})),
            layers=tuple(
                one.name for one in sources.layers if one is not layer and one.name in names
            ),
            rewrite_times=layer.name in _below_the_image(sources),
        )


def _inputs(package: str, layer: DockerStage) -> tuple[tuple[SourceInput, ...], tuple[Stage, ...]]:
    """What is sealed for a layer, and the stage that has it relative to the package."""
    name = inputs_stage(layer.name)
    if not layer.inputs:
        # Without such a stage, BuildKit would look for an image of that name in a registry.
        return (), (Stage(name, SCRATCH, ()),)
    if not package:
        return (SourceInput(name, layer.inputs),), ()
    whole = files_stage(layer.name)
    # Built from the sealed files in a moment; the paths in them are the workspace's, for messages and reasons.
    folder = source_folder(package).removeprefix("/src")
    stage = Stage(name, SCRATCH, (f"COPY --from={whole} {folder}/ /",))
    return (SourceInput(whole, layer.inputs),), (stage,)


def _below_the_image(sources: DockerSources) -> frozenset[str]:
    """The image's stage and those it is built on: their layers are the image's, times included."""
    by_name = {stage.name: stage for stage in sources.stages}
    name, found = sources.stages[-1].name, set[str]()
    while name in by_name:
        found.add(name)
        name = by_name[name].base
    return frozenset(found)
