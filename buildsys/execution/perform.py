"""Performs one action: seal the inputs, solve, adopt the result, record it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from buildsys.errors import CheckFailed, InternalError
from buildsys.events import Outcome
from buildsys.execution.lookup import Lookup, look_up
from buildsys.execution.ports import (
    ActionCache,
    ActionRecord,
    BlobStore,
    Clock,
    Judge,
    Progress,
    Sealer,
    SharedResult,
    Solver,
    SolveRequest,
)
from buildsys.execution.rendezvous import affinity
from buildsys.execution.sharing import Sharing
from buildsys.keys.keying import KeyedTarget
from buildsys.model.action import ActionResult, Blob, KeyedAction, Role
from buildsys.model.digest import ActionKey, ImageDigest
from buildsys.model.dockerfile import render
from buildsys.model.files import BaseDigests

Below = Callable[[ActionKey], ActionResult | None]
"""The stored result of a layer below, if there is one."""


@dataclass(frozen=True, slots=True)
class Performer:
    """Everything that performing an action takes."""

    cache: ActionCache
    blobs: BlobStore
    sealer: Sealer
    solver: Solver
    clock: Clock
    made_by: Mapping[str, str]
    judge: Judge | None = None
    sharing: Sharing | None = None

    def perform(
        self,
        keyed: KeyedAction,
        bases: BaseDigests,
        below: Below,
        progress: Progress,
        *,
        force: bool = False,
    ) -> tuple[ActionResult, Outcome]:
        """The result, and whether it was built here (another process may have been quicker).

        Raises:
            BuildFailed, CheckFailed, MachineError, InputChanged, Interrupted: see the ports; nothing is
                recorded then.
            ResultLost: a base was in a shared cache, and can't be had.
        """
        with self.cache.lock(keyed.key):
            stored = None if force else self.cache.get(keyed.key)
            if stored is not None:
                return stored, Outcome.FRESH
            started = self.clock.monotonic()
            entering = {name: _result_below(keyed, name, below) for name in keyed.layers}
            known = [blob.digest for result in entering.values() for blob in result.blobs[2:]]
            with self.blobs.exporting(known) as folder:
                request = self._request(keyed, bases, entering, folder, force=force)
                digest = self.solver.solve(request, progress)
                blobs = self.blobs.adopt(folder, digest)
            result = self._result(digest, blobs, self.clock.monotonic() - started)
            self._judge(keyed, result, progress)
            record = ActionRecord(keyed.key, keyed.manifest, result, self.made_by)
            self.cache.put(record)
            if self.sharing is not None:
                self.sharing.give(record)
            return result, Outcome.BUILT

    def fetch(self, keyed: KeyedAction, shared: SharedResult) -> tuple[ActionResult, Outcome]:
        """The result that somebody else shared, and whether its bytes had to come here.

        Raises:
            ResultLost: they can't be had.
        """
        assert self.sharing is not None, "BUG: something is shared, and nothing to share it"
        return self.sharing.take(shared, keyed.manifest)

    def look_up(self, targets: Iterable[KeyedTarget]) -> Lookup:
        """What is stored, here or in the shared cache."""
        shared = self.sharing.shared if self.sharing is not None else None
        return look_up(targets, self.cache, shared=shared)

    def given(self) -> dict[ActionKey, ActionResult]:
        """Wait for what is being shared; see `Sharing.given`."""
        return self.sharing.given() if self.sharing is not None else {}

    def cancel(self) -> None:
        """Stop whatever runs; from any thread."""
        self.solver.cancel()
        if self.sharing is not None:
            self.sharing.shared.cancel()

    def _judge(self, keyed: KeyedAction, result: ActionResult, progress: Progress) -> None:
        if self.judge is None or keyed.action.role is not Role.TEST:
            return
        try:
            self.judge.judge(keyed, result, progress)
        except CheckFailed:
            # They may have passed before: what was seen to fail since doesn't count as passed.
            self.cache.forget(keyed.key)
            raise

    def _request(
        self,
        keyed: KeyedAction,
        bases: BaseDigests,
        entering: Mapping[str, ActionResult],
        folder: str,
        *,
        force: bool,
    ) -> SolveRequest:
        action = keyed.action
        contexts = {name: bases[name] for name in action.bases}
        if self.sharing is not None:
            self.sharing.take_bases(contexts.values())
        contexts |= {name: result.digest for name, result in entering.items()}
        derived = {source.context: dict(source.derived) for source in action.sources}
        for context, states in _inputs(keyed):
            pack = partial(self.sealer.pack, states, derived[context])
            contexts[context] = self.blobs.sealed(pack)[0].digest
        return SolveRequest(
            name=f"{action.layer}-{keyed.key[:16]}",
            dockerfile=render(action.stages),
            stage=action.stage,
            platform=action.platform,
            contexts=contexts,
            layout=self.blobs.layout,
            export_to=folder,
            rewrite_times=action.rewrite_times,
            # That tests failed isn't recorded, so nobody else may remember it either.
            no_cache=force or action.role is Role.TEST,
            affinity=affinity(keyed),
        )

    def _result(
        self, digest: ImageDigest, blobs: tuple[Blob, ...], duration_s: float
    ) -> ActionResult:
        unpacked = sum(self.blobs.unpacked_bytes(blob.digest) for blob in blobs[2:])
        return ActionResult(digest, blobs, unpacked, duration_s)


def _result_below(keyed: KeyedAction, name: str, below: Below) -> ActionResult:
    result = below(keyed.layers[name])
    if result is None and name in keyed.stand_ins:
        result = below(keyed.stand_ins[name])
    if result is None:
        raise InternalError(f"BUG: layer `{name}` of `{keyed.action.layer}` isn't there")
    return result


def _inputs(keyed: KeyedAction) -> list[tuple[str, Mapping[str, str]]]:
    inputs = keyed.manifest["inputs"]
    assert isinstance(inputs, Mapping)
    return list(inputs.items())
