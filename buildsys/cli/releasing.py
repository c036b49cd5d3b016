"""`bs sbom`, `bs provenance`."""

from typing import TYPE_CHECKING

import typer

from buildsys.cli import context
from buildsys.cli.inspect import One
from buildsys.errors import UsageError

if TYPE_CHECKING:
    from buildsys.releasing import BuiltImage, Releasing


def register(app: typer.Typer) -> None:
    app.command("sbom")(sbom)
    app.command("provenance")(print_provenance)


def sbom(label: One) -> int:
    """Print what an image is made of: modules, distributions, crates, packages. SPDX 2.3 JSON."""
    releasing, image = _stored(label)
    context.say(releasing.bill(image, image.result.blobs[0].digest).decode().rstrip("\n"))
    return 0


def print_provenance(label: One) -> int:
    """Print how an image was made: an in-toto statement with SLSA provenance."""
    releasing, image = _stored(label)
    context.say(releasing.provenance(image, image.result.blobs[0].digest).decode().rstrip("\n"))
    return 0


def _stored(label: str) -> "tuple[Releasing, BuiltImage]":
    from buildsys.releasing import Releasing  # noqa: PLC0415

    session = context.session()
    labels = session.select((label,))
    if len(labels) != 1:
        raise UsageError(f"`{label}` means {len(labels)} targets", hint="name one")
    releasing = Releasing(session)
    (image,) = releasing.stored(labels)
    releasing.bring(image)
    return releasing, image
