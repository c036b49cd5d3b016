"""`bs dockerfile`, `bs image`, `bs load`."""

import json as json_module
from typing import Annotated

import typer

from buildsys.cli import context
from buildsys.cli.build import JSON, Patterns
from buildsys.errors import UsageError
from buildsys.images.eject import dockerfile
from buildsys.model.action import ActionResult
from buildsys.model.label import Label
from buildsys.reporting.text import size
from buildsys.wiring import Session, references

One = Annotated[str, typer.Argument(metavar="LABEL", help="One target.")]


def register(app: typer.Typer) -> None:
    app.command("dockerfile")(print_dockerfile)
    app.command("image")(image)
    app.command("load")(load)


def print_dockerfile(label: One) -> int:
    """Print the Dockerfile of a target, complete: stock buildctl or docker builds it too."""
    session = context.session()
    bases = session.bases()
    target = session.keyed((_one(session, label),), bases)[0]
    context.say(dockerfile(target.actions, references(bases), session.machine.store.layout))
    return 0


def image(
    label: One,
    json: JSON = False,
    output: Annotated[
        str,
        typer.Option(
            "--output",
            metavar="DIR|FILE.tar",
            help="Export an OCI layout, or a tar for docker load.",
        ),
    ] = "",
) -> int:
    """Say where the image of a target is; or export it."""
    session = context.session()
    chosen = _one(session, label)
    result = session.caches.have(session.status((chosen,))[0], session.targets)
    if output:
        _export(session, chosen, result, output)
    fields = {
        "label": str(chosen),
        "digest": result.digest,
        "size_bytes": result.unpacked_bytes,
        "compressed_size_bytes": result.size_bytes,
        "layout": session.machine.store.layout,
    }
    if json:
        context.say(json_module.dumps({"schema": 1, **fields}, indent=2))
    else:
        context.say(
            f"{chosen} {result.digest} {size(result.unpacked_bytes)}"
            f" ({size(result.size_bytes)} compressed) in {session.machine.store.layout}"
        )
    return 0


def load(patterns: Patterns = None) -> int:
    """Load images into the Docker that runs here, as NAME:latest and under their digest's short form."""
    from buildsys.images.docker_load import load_into_docker  # noqa: PLC0415

    session = context.session()
    for status in session.status(session.select(tuple(patterns or ()))):
        result = session.caches.have(status, session.targets)
        tags = load_into_docker(session.machine.store.blobs, result, status.label.name)
        context.say(f"{status.label} {' '.join(tags)}")
    return 0


def _export(session: Session, label: Label, result: ActionResult, output: str) -> None:
    from buildsys.images.archive import write_docker_archive  # noqa: PLC0415
    from buildsys.images.layout import write_layout  # noqa: PLC0415

    if output.endswith(".tar"):
        write_docker_archive(session.machine.store.blobs, result, f"{label.name}:latest", output)
    else:
        write_layout(session.machine.store.blobs, result, label.name, output)


def _one(session: Session, pattern: str) -> Label:
    labels = session.select((pattern,))
    if len(labels) != 1:
        raise UsageError(f"`{pattern}` means {len(labels)} targets", hint="name one")
    return labels[0]
