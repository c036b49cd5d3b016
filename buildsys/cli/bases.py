"""`bs bases list|bootstrap|update`."""

import json as json_module
from typing import Annotated

import typer

from buildsys.cli import context
from buildsys.cli.build import JSON
from buildsys.errors import UsageError
from buildsys.model.target import Base
from buildsys.reporting.columns import columns
from buildsys.request import bootstrap_all
from buildsys.wiring import Session

app = typer.Typer(help="The images that others are built on.", no_args_is_help=True)

Names = Annotated[list[str] | None, typer.Argument(help="Names of bases; all by default.")]


@app.command("list")
def list_bases(json: JSON = False) -> int:
    """Say what each base stands for here."""
    known = context.session().bases().values()
    if json:
        rows = [
            {
                "name": k.base.name,
                "image": k.base.image,
                "origin": k.origin,
                "reference": k.reference,
            }
            for k in known
        ]
        context.say(json_module.dumps({"schema": 1, "bases": rows}, indent=2))
    else:
        lines = [(k.base.name, k.origin, k.reference or k.base.image) for k in known]
        context.say("\n".join(columns(lines)))
    return 0


@app.command()
def bootstrap(
    names: Names = None,
    force: Annotated[
        bool, typer.Option("--force", help="Make it anew, with today's packages.")
    ] = False,
) -> int:
    """Make bases from Debian packages, without a registry."""
    session = context.session()
    bases = tuple(base for base in _named(session, names) if names or base.bootstrap)
    with session.machine.store.in_use():
        bootstrap_all(
            session.base_provider(),
            bases,
            lambda base, digest: context.say(f"{base.name} {digest}"),
            force=force,
        )
    session.caches.settle()
    return 0


@app.command()
def update(names: Names = None) -> int:
    """Ask the registries what the bases are now, and pin that in bases.lock."""
    session = context.session()
    provider = session.base_provider()
    pins = {base.name: provider.resolve(base.image) for base in _named(session, names)}
    session.write_pins(pins)
    for name, reference in pins.items():
        context.say(f"{name} {reference}")
    return 0


def _named(session: Session, names: list[str] | None) -> tuple[Base, ...]:
    bases = session.workspace.settings.bases
    unknown = sorted(set(names or ()) - bases.keys())
    if unknown:
        raise UsageError(f"no base `{unknown[0]}`", hint=f"there are: {', '.join(sorted(bases))}")
    return tuple(bases[name] for name in names or sorted(bases))
