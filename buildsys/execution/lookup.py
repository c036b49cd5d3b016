"""What is stored already, and what that makes of each layer: fresh, stale or missing."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from buildsys.execution import states
from buildsys.execution.ports import ActionCache, SharedCache, SharedResult
from buildsys.keys.explain import Reason, ReasonCode, explain
from buildsys.keys.keying import KeyedTarget
from buildsys.model.action import Action, ActionResult, KeyedAction, Role
from buildsys.model.digest import ActionKey
from buildsys.model.label import Label

_STANDS_ON = ("schema", "rule", "layer", "platform", "bases", "layers")
"""Fields of manifests: two accelerators that have them in common differ in what they hold ready only."""


class LayerState(StrEnum):
    """Whether a layer can be used as it is."""

    FRESH = states.FRESH
    REMOTE = states.REMOTE
    STALE = states.STALE
    MISSING = states.MISSING


@dataclass(frozen=True, slots=True)
class Lookup:
    """The answers of the action cache for every layer of some targets.

    `spares` has, for accelerators that aren't stored, an earlier one that serves as well.
    `shared` has those of the `hits` whose bytes are in a shared cache only; `in_reach` says whether they can be
    fetched.
    """

    hits: Mapping[ActionKey, ActionResult]
    evicted: frozenset[ActionKey]
    spares: Mapping[ActionKey, ActionResult] = field(default_factory=dict)
    shared: Mapping[ActionKey, SharedResult] = field(default_factory=dict)
    in_reach: bool = True


@dataclass(frozen=True, slots=True)
class LayerStatus:
    """One layer; `key` is unknown while a base is missing, or a layer that tells what the inputs are."""

    name: str
    role: Role
    state: LayerState
    key: ActionKey | None
    result: ActionResult | None
    reasons: tuple[Reason, ...] = ()
    on_demand: bool = False


@dataclass(frozen=True, slots=True)
class TargetStatus:
    """A target's layers, bottom up."""

    label: Label
    rule: str
    layers: tuple[LayerStatus, ...]

    @property
    def state(self) -> LayerState:
        """See `overall`."""
        return LayerState(
            states.overall([(layer.state.value, layer.on_demand) for layer in self.layers])
        )


LastBuilt = Callable[[Label, str], ActionKey | None]
"""Label and layer → the key under which this checkout last had it."""


def _had_nothing(_label: Label, _layer: str) -> None:
    return None


def look_up(
    targets: Iterable[KeyedTarget],
    cache: ActionCache,
    last_built: LastBuilt = _had_nothing,
    shared: SharedCache | None = None,
) -> Lookup:
    """What is stored here, and what of the rest is in the shared cache."""
    hits: dict[ActionKey, ActionResult] = {}
    evicted: set[ActionKey] = set()
    known = tuple(targets)
    keys = {keyed.key for target in known for keyed in target.layers}
    for key in keys:
        result = cache.get(key)
        if result is not None:
            hits[key] = result
        elif cache.manifest(key) is not None:
            evicted.add(key)
    missed = sorted(keys - hits.keys())
    found = shared.find(missed) if shared is not None and missed else {}
    hits |= {key: one.result for key, one in found.items()}
    spares = _spares(known, hits, cache, last_built)
    in_reach = not found or shared is None or shared.in_reach
    return Lookup(hits, frozenset(evicted - found.keys()), spares, found, in_reach)


def _spares(
    targets: Iterable[KeyedTarget],
    hits: Mapping[ActionKey, ActionResult],
    cache: ActionCache,
    last_built: LastBuilt,
) -> dict[ActionKey, ActionResult]:
    spares: dict[ActionKey, ActionResult] = {}
    for target in targets:
        for keyed in target.layers:
            if keyed.action.accelerator and keyed.key not in {**hits, **spares}:
                spare = _spare(keyed, cache, last_built(target.label, keyed.action.layer))
                if spare is not None:
                    spares[keyed.key] = spare
    return spares


def _spare(keyed: KeyedAction, cache: ActionCache, last: ActionKey | None) -> ActionResult | None:
    """The accelerator that the checkout last had, if it stands on the same layers and bases.

    What is built on it compiles for itself what it lacks, which is quicker than to wait for the new one.
    """
    manifest = cache.manifest(last) if last is not None else None
    if last is None or manifest is None:
        return None
    now = keyed.manifest
    same = all(manifest.get(field) == now[field] for field in _STANDS_ON)
    return cache.get(last) if same else None


def status_of(
    target: KeyedTarget, lookup: Lookup, cache: ActionCache, last_built: LastBuilt
) -> TargetStatus:
    """The state of each layer, with the reasons of those that aren't fresh."""
    if target.missing_bases:
        reasons = tuple(Reason(ReasonCode.BASE_MISSING, subject=b) for b in target.missing_bases)
        layers = tuple(
            LayerStatus(a.layer, a.role, LayerState.MISSING, None, None, reasons)
            for a in target.actions.actions
        )
        return TargetStatus(target.label, target.rule, layers)
    on_demand = target.actions.on_demand
    known = (
        _layer(target, keyed, lookup, cache, last_built, on_demand=keyed.action.layer in on_demand)
        for keyed in target.layers
    )
    unknown = (_open(target.label, action, cache, last_built) for action in target.open)
    return TargetStatus(target.label, target.rule, (*known, *unknown))


def _open(label: Label, action: Action, cache: ActionCache, last_built: LastBuilt) -> LayerStatus:
    last = last_built(label, action.layer)
    built = last is not None and cache.manifest(last) is not None
    state = LayerState.STALE if built else LayerState.MISSING
    reasons = tuple(Reason(ReasonCode.INPUTS_UNKNOWN, subject=what) for what in action.unknown)
    return LayerStatus(action.layer, action.role, state, None, None, reasons)


def _layer(
    target: KeyedTarget,
    keyed: KeyedAction,
    lookup: Lookup,
    cache: ActionCache,
    last_built: LastBuilt,
    *,
    on_demand: bool,
) -> LayerStatus:
    action = keyed.action
    result = lookup.hits.get(keyed.key)
    state, reasons = LayerState.FRESH, tuple[Reason, ...]()
    if keyed.key in lookup.shared:
        state = LayerState.REMOTE
    elif result is None:
        state, reasons = _not_fresh(target, keyed, lookup, cache, last_built)
    return LayerStatus(action.layer, action.role, state, keyed.key, result, reasons, on_demand)


def _not_fresh(
    target: KeyedTarget,
    keyed: KeyedAction,
    lookup: Lookup,
    cache: ActionCache,
    last_built: LastBuilt,
) -> tuple[LayerState, tuple[Reason, ...]]:
    if keyed.key in lookup.evicted:
        return LayerState.MISSING, (Reason(ReasonCode.EVICTED),)
    last = last_built(target.label, keyed.action.layer)
    built = cache.manifest(last) if last is not None else None
    if built is None:
        return LayerState.MISSING, (Reason(ReasonCode.NEVER_BUILT),)
    return LayerState.STALE, explain(built, keyed.manifest, target.language_manifests)
