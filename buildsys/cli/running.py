"""`bs run`, `bs up`, `bs down`."""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer

from buildsys.cli import context
from buildsys.cli.build import Patterns
from buildsys.cli.commands import build_for, interruptible
from buildsys.errors import UsageError
from buildsys.images.stored import StoredImage
from buildsys.reporting.sinks import Tee

if TYPE_CHECKING:
    from buildsys.containers.container import Container, ContainerSpec, Runtime
    from buildsys.containers.platform import Platform
    from buildsys.model.label import Label
    from buildsys.wiring import Session

_LAST_WORDS_S = 2.0

Variables = Annotated[
    list[str] | None, typer.Option("-e", "--env", metavar="NAME=VALUE", help="Environment.")
]
Mounts = Annotated[
    list[str] | None,
    typer.Option("-v", "--volume", metavar="HOST:CONTAINER[:ro]", help="A file or folder."),
]


def register(app: typer.Typer) -> None:
    app.command("run")(run)
    app.command("up")(up)
    app.command("down")(down)


def run(
    label: Annotated[str, typer.Argument(metavar="LABEL", help="One target.")],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[-- ARGS]", help="In the place of the image's.")
    ] = None,
    env: Variables = None,
    volume: Mounts = None,
) -> int:
    """Build a target if it is stale, and run its image in the foreground, on the host's network."""
    from buildsys.containers.spec import container_spec  # noqa: PLC0415

    session = context.session(Tee())
    labels = session.select((label,))
    if len(labels) != 1:
        raise UsageError(f"`{label}` means {len(labels)} targets", hint="name one")
    image = _images(session, labels)[labels[0]]
    spec = container_spec(
        session.workspace.targets[labels[0]],
        json.loads(image.config()),
        arguments=arguments or (),
        environment=env or (),
        mounts=volume or (),
    )
    return _runtime(session).run(spec, image)


def up(
    patterns: Patterns = None,
    env: Variables = None,
    detach: Annotated[
        bool, typer.Option("-d", "--detach", help="Leave them running; `bs down` stops them.")
    ] = False,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0, help="Seconds until all have to be healthy.")
    ] = 60,
) -> int:
    """Build the services that are stale, start them on loopback, wait until all are healthy, show logs."""
    from buildsys.containers.platform import Platform  # noqa: PLC0415
    from buildsys.containers.spec import container_spec  # noqa: PLC0415

    session = context.session(Tee())
    targets = session.workspace.targets
    labels = tuple(
        label for label in session.select(tuple(patterns or ())) if targets[label].number("port")
    )
    if not labels:
        raise UsageError("none of these targets is a service", hint="a service has a `port`")
    specs: list[tuple[ContainerSpec, StoredImage]] = [
        (container_spec(targets[label], json.loads(image.config()), environment=env or ()), image)
        for label, image in _images(session, labels).items()
    ]
    width = max(len(spec.name) for spec, _ in specs)
    logs = _Logs(width)
    platform = Platform(_runtime(session), _tell, (lambda _: None) if detach else logs.show)
    with interruptible(), _stopped_unless_left(platform, logs):
        platform.start(specs, timeout)
        if not detach:
            platform.watch()
        platform.started.clear()
    return 0


def down() -> int:
    """Stop all containers that `bs up` started in this workspace; what they stored stays."""
    from buildsys.containers.platform import stop_all  # noqa: PLC0415

    session = context.session()
    containers = _runtime(session).running()
    stop_all(containers)
    for container in containers:
        context.say(f"stopped   {container.name}")
    return 0


def _runtime(session: "Session") -> "Runtime":
    from buildsys.containers.runtime import find_runtime  # noqa: PLC0415

    machine = session.machine
    return find_runtime(machine.environment, machine.cache_folder, session.root)


def _images(session: "Session", labels: tuple["Label", ...]) -> dict["Label", StoredImage]:
    report = build_for(labels, session)
    blobs = session.machine.store.blobs
    return {t.label: StoredImage(blobs, t.image) for t in report.targets if t.image is not None}


@contextmanager
def _stopped_unless_left(platform: "Platform", logs: "_Logs") -> Iterator[None]:
    try:
        yield
    finally:
        platform.stop()
        logs.finish()


@dataclass(slots=True)
class _Logs:
    """Shows what containers write, each line with its writer's name."""

    width: int
    _threads: list[threading.Thread] = field(default_factory=list)

    def show(self, container: "Container") -> None:
        thread = threading.Thread(target=self._copy, args=(container,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def finish(self) -> None:
        """Waits for the last words of stopped containers, but not for ever."""
        for thread in self._threads:
            thread.join(_LAST_WORDS_S)

    def _copy(self, container: "Container") -> None:
        for line in container.follow():
            sys.stdout.write(f"{container.name:{self.width}} | {line}")
            sys.stdout.flush()


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
