"""The whole Dockerfile of a target, for people and for stock tools."""

from collections.abc import Iterator, Mapping

from buildsys.model.action import Action, TargetActions
from buildsys.model.digest import is_digest
from buildsys.model.dockerfile import Stage, copy_files, render


def dockerfile(target: TargetActions, bases: Mapping[str, str], layout: str) -> str:
    """All stages, bottom up: those that copy inputs from the workspace, and those that bs builds.

    `bases` has what is known of the bases; one that lives in the store has to be given as a named context,
    which the comment on top shows.
    """
    names = sorted({base for action in target.actions for base in action.bases})
    stored = {name: bases[name] for name in names if is_digest(bases.get(name, ""))}
    pulled = [
        Stage(name, bases[name], ()) for name in names if name in bases and name not in stored
    ]
    stages = [stage for action in target.actions for stage in _stages(action)]
    return "\n".join((*_usage(target, stored, layout), "")) + "\n" + render([*pulled, *stages])


def _stages(action: Action) -> Iterator[Stage]:
    for source in action.sources:
        copies = copy_files((*source.paths, *source.names_only, *source.beside))
        yield Stage(source.context, "scratch", copies)
    yield from action.stages


def _usage(target: TargetActions, stored: Mapping[str, str], layout: str) -> Iterator[str]:
    yield f"# {target.label}, made by bs. Build it in the root folder of the workspace:"
    yield "#   buildctl build --frontend dockerfile.v0 --local context=. --local dockerfile=DIR \\"
    for name, digest in stored.items():
        yield f"#     --opt context:{name}=oci-layout://store@{digest} \\"
    if stored:
        yield f"#     --oci-layout store={layout} \\"
    yield "#     --secret id=ca,src=/etc/ssl/certs/ca-certificates.crt --output type=oci,dest=image.tar"
