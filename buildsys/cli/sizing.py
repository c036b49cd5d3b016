"""`bs size`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from buildsys.cli import context
from buildsys.cli.build import JSON, Patterns
from buildsys.errors import MachineError, UsageError
from buildsys.images.stored import StoredImage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from buildsys.execution.lookup import TargetStatus
    from buildsys.model.label import Label
    from buildsys.model.parts import Change, LayerParts
    from buildsys.wiring import Session


def register(app: typer.Typer) -> None:
    app.command("size")(sizes)


def sizes(
    patterns: Patterns = None,
    json: JSON = False,
    against: Annotated[
        str,
        typer.Option(
            "--against", metavar="REV|DIGEST", help="What changed since a commit, or another image."
        ),
    ] = "",
    top: Annotated[int, typer.Option("--top", min=1, help="Parts to show of each layer.")] = 15,
) -> int:
    """Say what images are made of: layers, packages, distributions, files. Builds nothing."""
    from buildsys.images.parts import layer_parts  # noqa: PLC0415
    from buildsys.reporting.documents import dumped  # noqa: PLC0415
    from buildsys.reporting.sizes import (  # noqa: PLC0415
        change_lines,
        image_lines,
        overview_lines,
    )

    session = context.session()
    found = session.status(session.select(tuple(patterns or ())))
    images = [(status.label, _layers(session, status)) for status in found]
    if against and len(images) != 1:
        raise UsageError("`--against` compares one image", hint="name one target")
    changed: tuple[Change, ...] | None = None
    if against:
        changed = _changes(layer_parts(_earlier(session, images[0][0], against)), images[0][1])
    if json:
        context.say(dumped(_document(images, changed)))
    elif changed is not None:
        context.say("\n".join(change_lines(changed, top)))
    elif len(images) == 1:
        context.say("\n".join(image_lines(*images[0], top)))
    else:
        context.say("\n".join(overview_lines(images)))
    return 0


def _layers(session: "Session", status: "TargetStatus") -> list[tuple[str, "LayerParts"]]:
    """The layers with the names of the actions that made them."""
    from buildsys.images.parts import layer_parts  # noqa: PLC0415

    image = StoredImage(session.machine.store.blobs, session.caches.have(status, session.targets))
    names = ["image"] * len(image.result.blobs[2:])
    layers = image.result.blobs[2:]
    for below in reversed(status.layers[:-1]):
        made = below.result.blobs[2:] if below.result is not None else ()
        if layers[: len(made)] == made:
            names[: len(made)] = [below.name] * len(made)
    return list(zip(names, layer_parts(image), strict=True))


def _changes(
    before: "Sequence[LayerParts]", after: "Sequence[tuple[str, LayerParts]]"
) -> "tuple[Change, ...]":
    from buildsys.model.parts import changes  # noqa: PLC0415

    return changes(before, [layer for _, layer in after])


def _earlier(session: "Session", label: "Label", against: str) -> StoredImage:
    """The image to compare with: by digest, else as the target was at a revision."""
    from buildsys.workspace.revision import at_revision  # noqa: PLC0415

    store = session.machine.store
    if against.startswith("sha256:"):
        for record in store.records():
            if record.result.digest.startswith(against):
                return StoredImage(store.blobs, record.result)
        raise MachineError(f"no image {against} is stored here", hint="see `bs image LABEL`")
    with at_revision(session.root, against) as folder:
        then = type(session)(session.machine, folder)
        if label not in then.workspace.targets:
            raise UsageError(f"there was no {label} at {against}")
        (status,) = then.status((label,))
        if status.layers[-1].result is None:
            raise MachineError(
                f"the image of {label} at {against} isn't stored here",
                hint=f"check {against} out and build it, with this store",
            )
        return StoredImage(store.blobs, then.caches.have(status, then.targets))


def _document(
    images: "Sequence[tuple[Label, Sequence[tuple[str, LayerParts]]]]",
    changed: "tuple[Change, ...] | None",
) -> dict[str, object]:
    targets = [
        {"label": str(label), "layers": [_layer_document(name, layer) for name, layer in layers]}
        for label, layers in images
    ]
    document: dict[str, object] = {"schema": 1, "targets": targets}
    if changed is not None:
        document["changes"] = [
            {"name": one.name, "before_bytes": one.before, "after_bytes": one.after}
            for one in changed
        ]
    return document


def _layer_document(name: str, layer: "LayerParts") -> dict[str, Any]:
    return {
        "name": name,
        "digest": layer.digest,
        "size_bytes": layer.size_bytes,
        "compressed_size_bytes": layer.compressed_size_bytes,
        "parts": [
            {"name": part.name, "size_bytes": part.size_bytes, "files": part.files}
            for part in layer.parts
        ],
    }
