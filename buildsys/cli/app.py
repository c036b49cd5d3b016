"""The command line, as typer knows it."""

import typer

from buildsys.cli import (
    affected,
    bases,
    build,
    caching,
    collecting,
    engine,
    inspect,
    profiling,
    pushing,
    releasing,
    running,
    sizing,
    state,
    testing,
    verifying,
)

app = typer.Typer(
    name="bs",
    help="Builds the container images of a monorepo: only what changed, from content-hashed layers.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"auto_envvar_prefix": "BS", "help_option_names": ["-h", "--help"]},
)
build.register(app)
state.register(app)
inspect.register(app)
running.register(app)
testing.register(app)
sizing.register(app)
collecting.register(app)
profiling.register(app)
verifying.register(app)
affected.register(app)
releasing.register(app)
pushing.register(app)
app.add_typer(engine.app, name="engine")
app.add_typer(bases.app, name="bases")
app.add_typer(caching.app, name="cache")
