"""`bs verify`."""

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from buildsys.cli import context
from buildsys.cli.build import JSON, Patterns
from buildsys.cli.choices import BuildChoices
from buildsys.cli.commands import build_for, interruptible, options_of
from buildsys.errors import BuildsysError, CheckFailed
from buildsys.images.stored import StoredImage
from buildsys.reporting.sinks import Tee

if TYPE_CHECKING:
    from buildsys.execution.report import TargetReport
    from buildsys.model.label import Label
    from buildsys.verification.subject import Subject
    from buildsys.verification.verify import Trial
    from buildsys.wiring import Session


def register(app: typer.Typer) -> None:
    app.command("verify")(verify)


def verify(
    patterns: Patterns = None,
    json: JSON = False,
    rebuild: Annotated[
        bool,
        typer.Option(
            "--rebuild", help="Also build all again from nothing, and compare to the bit."
        ),
    ] = False,
    run: Annotated[
        bool, typer.Option("--run/--no-run", help="Run the images, for their health checks.")
    ] = True,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0, help="Seconds until an image has to be healthy.")
    ] = 60,
) -> int:
    """Build what is stale, and check the real images: user, files, programs, labels, size, health."""
    from buildsys.reporting.checks import (  # noqa: PLC0415
        verification_document,
        verification_lines,
    )
    from buildsys.reporting.documents import dumped  # noqa: PLC0415
    from buildsys.verification.verify import verify as verify_image  # noqa: PLC0415

    session = context.session(Tee())
    labels = session.select(tuple(patterns or ()))
    subjects = _subjects(session, labels)
    with ExitStack() as stack:
        stack.enter_context(interruptible())
        clean = _rebuilding(session, labels, stack) if rebuild else None
        running = _running(session, timeout) if run else None
        found = [verify_image(subject, running, clean) for subject in subjects]
    if json:
        context.say(dumped(verification_document(session.workspace.settings.name, found)))
    else:
        context.say("\n".join(verification_lines(found, colour=context.coloured())))
    return CheckFailed.exit_code if any(one.failed for one in found) else 0


def _subjects(session: "Session", labels: tuple["Label", ...]) -> list["Subject"]:
    from buildsys.rules.registry import RULES  # noqa: PLC0415
    from buildsys.verification.subject import foreign_files, subject_of  # noqa: PLC0415

    report = build_for(labels, session)
    everything = session.caches.keyed(
        session.bases(), partial(session.keyed, tuple(session.workspace.targets))
    )[0]
    keyed = {target.label: target for target in everything}

    def subject(built: "TargetReport") -> "Subject":
        assert built.image is not None, "BUG: a build without errors has all images"
        target = session.workspace.targets[built.label]
        return subject_of(
            target,
            built,
            StoredImage(session.machine.store.blobs, built.image),
            foreign_files(keyed[built.label], everything),
            static=RULES[target.rule].static,
        )

    return [subject(built) for built in report.targets]


def _running(session: "Session", timeout_s: float) -> "Trial":
    from buildsys.containers.runtime import find_runtime  # noqa: PLC0415
    from buildsys.verification.health import health_problems  # noqa: PLC0415

    machine = session.machine
    runtime = find_runtime(machine.environment, machine.cache_folder, session.root)
    return lambda subject: health_problems(runtime, subject.target, subject.image, timeout_s)


def _rebuilding(session: "Session", labels: tuple["Label", ...], stack: ExitStack) -> "Trial":
    from buildsys.rebuild import rebuilt  # noqa: PLC0415
    from buildsys.verification.difference import first_difference  # noqa: PLC0415

    images = stack.enter_context(
        rebuilt(session, labels, options_of(BuildChoices(keep_going=True)))
    )

    def compare(subject: "Subject") -> tuple[str, ...]:
        clean = images[subject.target.label]
        if isinstance(clean, BuildsysError):
            return (f"can't be built from nothing: {clean}",)
        if clean.result.digest == subject.image.result.digest:
            return ()
        return (first_difference(subject.image, clean),)

    return compare
