"""`bs gc` and `bs clean`: what is removed from the store of this user."""

import os
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from buildsys.cli import context
from buildsys.cli.build import JSON
from buildsys.errors import UsageError
from buildsys.reporting.text import size

if TYPE_CHECKING:
    from buildsys.model.digest import ActionKey
    from buildsys.store.choosing import Limits
    from buildsys.store.collecting import Collected
    from buildsys.store.disk_store import DiskStore
    from buildsys.wiring import Session

Wait = Annotated[
    float, typer.Option("--wait", min=0, metavar="SECONDS", help="How long to wait for builds.")
]
WAIT_S = 60.0


def register(app: typer.Typer) -> None:
    app.command("clean")(clean)
    app.command("gc")(gc)


def clean(
    everything: Annotated[
        bool, typer.Option("--all", help="Remove the whole store, with bases and records.")
    ] = False,
    wait: Wait = WAIT_S,
) -> int:
    """Remove what no record needs: sealed sources, damaged and left-over files. No layer is lost by it."""
    from buildsys.store.choosing import Limits  # noqa: PLC0415

    store = context.machine().store
    if everything:
        with store.alone(wait, _waiting):
            freed = store.remove_all()
    else:
        freed = _collected(None, store, Limits(), wait, dry_run=False).freed_bytes
    context.say(f"{size(freed)} freed in {store.layout}")
    return 0


def gc(
    max_size: Annotated[
        str, typer.Option("--max-size", metavar="SIZE", help="What the store may take: 20GB.")
    ] = "",
    max_age: Annotated[
        str,
        typer.Option("--max-age", metavar="AGE", help="Remove what is unused for 12h, 30d, 4w."),
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("-n", "--dry-run", help="Only say what would be removed.")
    ] = False,
    json: JSON = False,
    keep_last_builds: Annotated[
        bool,
        typer.Option(
            "--keep-last-builds/--no-keep-last-builds",
            help="Keep what the last builds of workspaces need, whatever the limits.",
        ),
    ] = True,
    wait: Wait = WAIT_S,
) -> int:
    """Keep the store within limits: remove what was used least recently, and what nobody needs."""
    from buildsys.reporting.documents import dumped  # noqa: PLC0415

    session = _session()
    limits = _limits(session, max_size, max_age, keep_last_builds=keep_last_builds)
    store = session.machine.store if session else context.machine().store
    done = _collected(session, store, limits, wait, dry_run=dry_run)
    if json:
        context.say(dumped(_document(store, limits, done, dry_run=dry_run)))
    else:
        context.say("\n".join(_lines(store, limits, done, dry_run=dry_run)))
    return 0


def _session() -> "Session | None":
    """The workspace around, if there is one: the store belongs to all of a user's."""
    session = context.session()
    try:
        _ = session.root
    except UsageError:
        return None
    return session


def _limits(
    session: "Session | None", max_size: str, max_age: str, *, keep_last_builds: bool
) -> "Limits":
    from buildsys.loading.cache_settings import bytes_of, seconds_of  # noqa: PLC0415
    from buildsys.model.target import CacheSettings  # noqa: PLC0415
    from buildsys.store.choosing import Limits  # noqa: PLC0415

    said: CacheSettings = session.workspace.settings.cache if session else CacheSettings()
    return Limits(
        bytes_of(max_size) if max_size else said.max_bytes,
        seconds_of(max_age) if max_age else said.max_age_s,
        keep_last_builds,
    )


def _collected(
    session: "Session | None", store: "DiskStore", limits: "Limits", wait_s: float, *, dry_run: bool
) -> "Collected":
    from buildsys.store.collecting import collect  # noqa: PLC0415
    from buildsys.workspace.last_built import LastBuilt  # noqa: PLC0415

    here = session.root if session else ""

    def last_built(root: str) -> "tuple[ActionKey, ...]":
        found = LastBuilt(os.path.join(root, ".bs", "built.json"))
        # Of other workspaces, what targets they have is known only to themselves.
        return found.keys(session.workspace.targets if session and root == here else None)

    with store.alone(wait_s, _waiting):
        return collect(store, limits, time.time(), last_built, here=here, dry_run=dry_run)


def _waiting() -> None:
    print("note: waiting for builds that use the store", file=sys.stderr)


def _document(
    store: "DiskStore", limits: "Limits", done: "Collected", *, dry_run: bool
) -> dict[str, object]:
    return {
        "schema": 1,
        "store": store.layout,
        "dry_run": dry_run,
        "max_size_bytes": limits.max_bytes,
        "max_age_s": limits.max_age_s,
        "before_bytes": done.before_bytes,
        "after_bytes": done.after_bytes,
        "freed_bytes": done.freed_bytes,
        "removed": {
            "records": done.records,
            "blobs": done.blobs,
            "facts": done.facts,
            "remains": done.remains,
        },
        "kept": {"records": done.kept, "workspaces": sorted(done.workspaces)},
        "over_limit": _is_over(limits, done),
    }


def _lines(store: "DiskStore", limits: "Limits", done: "Collected", *, dry_run: bool) -> list[str]:
    would = "would be " if dry_run else ""
    counts = {
        "records": done.records,
        "blobs": done.blobs,
        "facts of modules": done.facts,
        "remains": done.remains,
    }
    parts = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    limit = f" of {size(limits.max_bytes)}" if limits.max_bytes is not None else ""
    lines = [
        f"{size(done.freed_bytes)} {would}freed: {parts or 'nothing to remove'}",
        f"{size(done.after_bytes)}{limit} used in {store.layout}",
    ]
    if done.kept:
        lines.append(f"{done.kept} records are kept for the last builds of workspaces")
    if _is_over(limits, done):
        lines.append("more than the limit, as these need it: see --no-keep-last-builds")
    if limits.max_bytes is None and limits.max_age_s is None:
        lines.append("no limits: give --max-size or --max-age, or `cache` in the root BUILD.yaml")
    return lines


def _is_over(limits: "Limits", done: "Collected") -> bool:
    return limits.max_bytes is not None and done.after_bytes > limits.max_bytes
