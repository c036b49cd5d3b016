"""`bs push`, `bs tags`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from buildsys.cli import context
from buildsys.cli.build import JSON, Patterns
from buildsys.cli.commands import build_for, interruptible
from buildsys.errors import CheckFailed, UsageError
from buildsys.release.order import Compression
from buildsys.reporting.sinks import Tee
from buildsys.reporting.text import size

if TYPE_CHECKING:
    from collections.abc import Callable

    from buildsys.model.label import Label
    from buildsys.registry.client import RegistryClient
    from buildsys.registry.repository import Repository
    from buildsys.release.order import Order
    from buildsys.release.shipment import Delivered, Shipment
    from buildsys.releasing import Releasing

To = Annotated[
    str,
    typer.Option("--to", metavar="HOST/NAME", help="Where the repositories of the images are."),
]
Tags = Annotated[
    list[str] | None,
    typer.Option(
        "--tag", metavar="TAG", help="{commit}, {branch}, {key} and text; may be repeated."
    ),
]


def register(app: typer.Typer) -> None:
    app.command("push")(push)
    app.command("tags")(tags)


def push(
    patterns: Patterns = None,
    to: To = "",
    tag: Tags = None,
    compression: Annotated[
        Compression, typer.Option("--compression", help="Of the layers; gzip for old clients.")
    ] = Compression.ZSTD,
    sign: Annotated[bool, typer.Option("--sign", help="Sign the images by cosign.")] = False,
    sign_key: Annotated[
        str, typer.Option("--sign-key", metavar="KEY", help="cosign's --key; implies --sign.")
    ] = "",
    builder_id: Annotated[
        str, typer.Option("--builder-id", metavar="URI", help="The builder, for provenance.")
    ] = "",
    json: JSON = False,
) -> int:
    """Push images, building those that are stale: all or none, then move the tags."""
    from buildsys.release.cosign import Cosign  # noqa: PLC0415

    order = _order(to, tag, compression)
    releasings = _Releasings(builder_id)
    session = releasings.own.session
    environment = session.machine.environment
    signer = Cosign(environment, sign_key) if sign or sign_key else None
    labels = session.select(tuple(patterns or ()))
    releasings.build(labels)
    with interruptible():
        delivered = _push(
            releasings,
            order,
            labels,
            (lambda shipment: signer.sign(*shipment.key)) if signer is not None else None,
        )
    if json:
        from buildsys.reporting.documents import dumped  # noqa: PLC0415

        context.say(dumped({"schema": 1, "targets": [_document(one) for one in delivered]}))
    else:
        context.say("\n".join(_line(one) for one in delivered))
    return 0


def tags(patterns: Patterns = None, to: To = "", tag: Tags = None) -> int:
    """Print the references that `bs push` would tag, a line each; pushes and builds nothing."""
    from buildsys.registry.repository import Repository  # noqa: PLC0415
    from buildsys.release.tags import tags_of  # noqa: PLC0415
    from buildsys.releasing import Releasing  # noqa: PLC0415
    from buildsys.shipping import platforms_of, repository_name  # noqa: PLC0415

    session = context.session()
    root = Repository.parse(to) if to else None
    releasing = Releasing(session)
    for keyed in session.keyed(session.select(tuple(patterns or ())), session.bases()):
        target = session.workspace.targets[keyed.label]
        name = repository_name(target)
        where = root.below(name) if root is not None else name
        facts = releasing.facts(keyed, is_index=bool(platforms_of(target)))
        for found in tags_of(_templates(tag), facts):
            context.say(f"{keyed.label} {where}:{found}")
    return 0


def _templates(tag: list[str] | None) -> tuple[str, ...]:
    return tuple(tag or ("{commit}",))


def _order(to: str, tag: list[str] | None, compression: Compression) -> "Order":
    from buildsys.registry.repository import Repository  # noqa: PLC0415
    from buildsys.release.order import Order  # noqa: PLC0415

    if not to:
        raise UsageError(
            "`bs push` needs `--to HOST/NAME`", hint="or the environment variable BS_PUSH_TO"
        )
    return Order(Repository.parse(to), _templates(tag), compression)


class _Releasings:
    """The images of this machine's platform, and of others that targets name; a session for each."""

    def __init__(self, builder_id: str) -> None:
        self._builder_id = builder_id
        self.own = self._releasing("")
        self.platform = self.own.session.machine.platform
        self.by_platform = {self.platform: self.own}

    def _releasing(self, platform: str) -> "Releasing":
        from buildsys.releasing import Releasing  # noqa: PLC0415

        return Releasing(context.session(Tee(), platform=platform), self._builder_id)

    def build(self, labels: tuple["Label", ...]) -> None:
        """Have the images.

        Raises:
            BuildsysError: one can't be built.
            CheckFailed: one is larger than it may be.
        """
        from buildsys.shipping import platforms_of  # noqa: PLC0415

        targets = self.own.session.workspace.targets
        wanted: dict[str, list[Label]] = {self.platform: list(labels)}
        for label in labels:
            for platform in platforms_of(targets[label]):
                wanted.setdefault(platform, [])
                if platform != self.platform:
                    wanted[platform].append(label)
        for platform, chosen in wanted.items():
            if platform != self.platform:
                self.by_platform[platform] = self._releasing(platform)
            _build(self.by_platform[platform], tuple(chosen))
            if platform != self.platform:
                self.own.session.machine.note(
                    f"compiled for {platform} on {self.platform}, and not run"
                )


def _build(releasing: "Releasing", labels: tuple["Label", ...]) -> None:
    releasing.check_bases(labels)
    report = build_for(labels, releasing.session, images=False)
    # A base that nothing was known of before may have been made here.
    releasing.check_bases(labels)
    over = [str(target.label) for target in report.targets if target.over_budget]
    if over:
        raise CheckFailed(f"larger than max_size, so nothing is pushed: {', '.join(over)}")


def _push(
    releasings: "_Releasings",
    order: "Order",
    labels: tuple["Label", ...],
    sign: "Callable[[Shipment], None] | None",
) -> "list[Delivered]":
    import os  # noqa: PLC0415

    from buildsys.registry.client import open_client  # noqa: PLC0415
    from buildsys.release.push import Push  # noqa: PLC0415
    from buildsys.release.pushed import PushedImages  # noqa: PLC0415
    from buildsys.shipping import Shipping  # noqa: PLC0415
    from buildsys.store.scratch import swept_folder  # noqa: PLC0415

    machine = releasings.own.session.machine
    known = PushedImages(os.path.join(machine.store.layout, "pushed"))

    def connect(repository: "Repository", mounts: tuple[str, ...]) -> "RegistryClient":
        return open_client(repository, machine.environment, write=True, mounts=mounts)

    with swept_folder(os.path.join(machine.store.layout, "tmp")) as scratch:
        shipping = Shipping(releasings.by_platform, releasings.platform, order, scratch)
        return Push(shipping.shipments(labels), connect, known, sign).run()


def _line(delivered: "Delivered") -> str:
    shipment, sent = delivered.shipment, delivered.sent_bytes
    became = "there already" if sent is None else f"pushed {size(sent)}"
    names = " ".join(shipment.tags)
    return f"{shipment.label} {shipment.repository}@{shipment.digest} {names} ({became})"


def _document(delivered: "Delivered") -> dict[str, Any]:
    shipment = delivered.shipment
    return {
        "label": str(shipment.label),
        "repository": str(shipment.repository),
        "digest": shipment.digest,
        "reference": f"{shipment.repository}@{shipment.digest}",
        "tags": list(shipment.tags),
        "platforms": {part.platform: part.digest for part in shipment.parts},
        "outcome": "present" if delivered.sent_bytes is None else "pushed",
        "sent_bytes": delivered.sent_bytes or 0,
    }
