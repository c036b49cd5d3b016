"""The plan: which actions have to run, and which of them may run next. Pure; one thread touches it."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from buildsys.execution.ports import SharedResult
from buildsys.keys.keying import KeyedTarget
from buildsys.model.action import ActionResult, KeyedAction
from buildsys.model.digest import ActionKey
from buildsys.model.label import Label


class State(Enum):
    """Each action passes from WAITING through READY and RUNNING to one of the last three."""

    WAITING = "some action that it needs hasn't ended"
    READY = "all that it needs is there"
    RUNNING = "started"
    DONE = "its result is stored"
    FAILED = "it ran and has no result"
    SKIPPED = "something that it needs has no result, or the build stopped before"


ENDED = frozenset({State.DONE, State.FAILED, State.SKIPPED})


@dataclass(frozen=True, slots=True)
class Node:
    """An action that has to run, once for all targets that want it.

    `needs` must succeed; `wants` are accelerators: waited for, but a failure of theirs is no obstacle. With
    `shared`, somebody ran it already, and its result is only to be fetched.
    """

    keyed: KeyedAction
    labels: tuple[Label, ...]
    needs: frozenset[ActionKey] = frozenset()
    wants: frozenset[ActionKey] = frozenset()
    shared: SharedResult | None = None


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Those hits whose bytes are in a shared cache only. With `images`, the bytes of images are wanted here."""

    shared: Mapping[ActionKey, SharedResult] = field(default_factory=dict)
    in_reach: bool = True
    images: bool = False

    def lost(self, key: ActionKey) -> bool:
        return key in self.shared and not self.in_reach


NOTHING_ELSEWHERE = Elsewhere()


def demanded(
    targets: Iterable[KeyedTarget],
    hits: Mapping[ActionKey, ActionResult],
    *,
    evicted: frozenset[ActionKey] = frozenset(),
    spares: Container[ActionKey] = (),
    elsewhere: Elsewhere = NOTHING_ELSEWHERE,
    force: bool = False,
) -> dict[ActionKey, Node]:
    """The actions that have to run so that every layer of every target is stored, here or in a shared cache.

    Nobody waits for an accelerator of which there is one of `spares`.

    What is made on demand runs only for a consumer that runs, or to bring an evicted one back. An action
    without a key yet is such a consumer: it probably runs, and what it awaits has to be made in any case.
    What is in a shared cache is fetched only for a consumer that runs.
    """
    found: dict[ActionKey, tuple[KeyedAction, set[Label]]] = {}
    fetched: set[ActionKey] = set()
    for target in targets:
        run, fetch = _demanded_of(target, hits, evicted, elsewhere, force=force)
        fetched.update(keyed.key for keyed in fetch)
        for keyed in (*run, *fetch):
            found.setdefault(keyed.key, (keyed, set()))[1].add(target.label)
    return {
        key: Node(keyed, tuple(sorted(labels)), shared=elsewhere.shared[key])
        if key in fetched
        else _node(keyed, tuple(sorted(labels)), found, spares)
        for key, (keyed, labels) in found.items()
    }


def _demanded_of(
    target: KeyedTarget,
    hits: Mapping[ActionKey, ActionResult],
    evicted: frozenset[ActionKey],
    elsewhere: Elsewhere,
    *,
    force: bool,
) -> tuple[list[KeyedAction], list[KeyedAction]]:
    """What has to run, and what has to be fetched for that."""
    on_demand = target.actions.on_demand
    taken = {name for action in target.open for name in (*action.layers, action.awaits)}
    wanted = {layer.key for layer in target.layers if layer.action.layer in taken}
    if elsewhere.images and target.layers:
        wanted.add(target.image.key)
    run: list[KeyedAction] = []
    fetch: list[KeyedAction] = []
    for keyed in reversed(target.layers):
        key = keyed.key
        asked = keyed.action.layer not in on_demand or key in wanted or key in evicted
        if force or (asked and (key not in hits or (key in wanted and elsewhere.lost(key)))):
            run.append(keyed)
            wanted.update(keyed.layers.values())
        elif key in wanted and key in elsewhere.shared:
            fetch.append(keyed)
    return run[::-1], fetch


def _node(
    keyed: KeyedAction,
    labels: tuple[Label, ...],
    found: Mapping[ActionKey, tuple[KeyedAction, set[Label]]],
    spares: Container[ActionKey],
) -> Node:
    entering = {*keyed.layers.values(), *keyed.stand_ins.values()}
    below = {key for key in entering if key in found and key not in spares}
    wants = frozenset(key for key in below if found[key][0].action.accelerator)
    return Node(keyed, labels, frozenset(below) - wants, wants)


class Plan:
    """The state of each action in one build. `_set` is the only place that changes one."""

    def __init__(
        self, nodes: Mapping[ActionKey, Node], priority: Mapping[ActionKey, float]
    ) -> None:
        self._nodes: dict[ActionKey, Node] = {}
        self._priority: dict[ActionKey, float] = {}
        self._states: dict[ActionKey, State] = {}
        self._above: dict[ActionKey, list[ActionKey]] = {}
        self._stopped = False
        self.extend(nodes, priority)

    def extend(
        self, nodes: Mapping[ActionKey, Node], priority: Mapping[ActionKey, float]
    ) -> tuple[ActionKey, ...]:
        """Add actions that weren't known before; returns those of them that are skipped at once.

        Actions that are in the plan already keep their state. All that `nodes` need or want has to be among
        them or in the plan.
        """
        new = {key: node for key, node in nodes.items() if key not in self._nodes}
        self._nodes |= new
        self._priority |= {key: priority[key] for key in new}
        self._states |= dict.fromkeys(new, State.WAITING)
        self._above |= {key: [] for key in new}
        for key, node in new.items():
            for below in node.needs | node.wants:
                self._above[below].append(key)
        if self._stopped:
            self.stop()
        for key in new:
            self._settle(key)
        return tuple(key for key in new if self._states[key] is State.SKIPPED)

    def state(self, key: ActionKey) -> State:
        return self._states[key]

    def node(self, key: ActionKey) -> Node:
        return self._nodes[key]

    @property
    def ended(self) -> bool:
        return all(state in ENDED for state in self._states.values())

    def next_ready(self) -> ActionKey | None:
        """The ready action with the longest way to the end of the build behind it."""
        ready = [key for key, state in self._states.items() if state is State.READY]
        return max(ready, key=lambda key: (self._priority[key], key), default=None)

    def start(self, key: ActionKey) -> None:
        assert self._states[key] is State.READY, "BUG: started before it was ready"
        self._set(key, State.RUNNING)

    def finish(self, key: ActionKey) -> None:
        assert self._states[key] is State.RUNNING, "BUG: finished without having run"
        self._set(key, State.DONE)

    def fail(self, key: ActionKey) -> tuple[ActionKey, ...]:
        """The action has no result; returns the actions that are skipped for it."""
        assert self._states[key] is State.RUNNING, "BUG: failed without having run"
        before = self._skipped()
        self._set(key, State.FAILED)
        return tuple(skipped for skipped in self._skipped() if skipped not in before)

    def stop(self) -> tuple[ActionKey, ...]:
        """Start nothing more; returns the actions that are skipped for it."""
        self._stopped = True
        left = [k for k, state in self._states.items() if state in {State.WAITING, State.READY}]
        for key in left:
            self._states[key] = State.SKIPPED
        return tuple(left)

    def _skipped(self) -> dict[ActionKey, State]:
        return {key: state for key, state in self._states.items() if state is State.SKIPPED}

    def _set(self, key: ActionKey, state: State) -> None:
        self._states[key] = state
        if state in ENDED:
            for above in self._above[key]:
                self._settle(above)

    def _settle(self, key: ActionKey) -> None:
        """Move a waiting action on if all below it has ended."""
        if self._states[key] is not State.WAITING:
            return
        node = self._nodes[key]
        needed = [self._states[below] for below in node.needs]
        if any(state in {State.FAILED, State.SKIPPED} for state in needed):
            self._set(key, State.SKIPPED)
        elif all(state is State.DONE for state in needed) and all(
            self._states[below] in ENDED for below in node.wants
        ):
            self._set(key, State.READY)
