"""The plan: what has to run, and what may run next."""

from dataclasses import replace

import pytest

from buildsys.execution.plan import Node, Plan, State, demanded
from buildsys.keys.keying import KeyedTarget, keyed
from buildsys.model.action import ActionResult, TargetActions
from buildsys.model.digest import ActionKey, ImageDigest
from tests.builds import BASES, action, service, source_files, target
from tests.fakes import DictFiles

RESULT = ActionResult(ImageDigest("sha256:" + "0" * 64), (), 0)
NAMES = [f"s{number}" for number in range(5)]
FILES = DictFiles(source_files("go.mod", *(f"cmd/{name}/main.go" for name in (*NAMES, "api"))))


def keyed_services(*names: str) -> tuple[KeyedTarget, ...]:
    return keyed([service(name) for name in names], FILES, BASES)


def api() -> tuple[KeyedTarget, ActionKey, ActionKey, ActionKey]:
    (one,) = keyed_services("api")
    modules, packages, image = (layer.key for layer in one.layers)
    return one, modules, packages, image


def plan_of(nodes: dict[ActionKey, Node]) -> Plan:
    return Plan(nodes, dict.fromkeys(nodes, 0.0))


# --- demanded -------------------------------------------------------------------------------------


def test_with_nothing_stored_everything_is_demanded() -> None:
    one, modules, packages, image = api()
    nodes = demanded([one], {})
    assert set(nodes) == {modules, packages, image}
    assert (set(nodes[packages].needs), set(nodes[packages].wants)) == ({modules}, set())
    assert (set(nodes[image].needs), set(nodes[image].wants)) == ({modules}, {packages})


def test_with_all_stored_nothing_is_demanded() -> None:
    one, modules, packages, image = api()
    assert demanded([one], dict.fromkeys((modules, packages, image), RESULT)) == {}


def test_an_accelerator_that_serves_nothing_is_not_demanded() -> None:
    one, modules, _, image = api()
    assert demanded([one], dict.fromkeys((modules, image), RESULT)) == {}


def test_an_evicted_accelerator_is_brought_back() -> None:
    one, modules, packages, image = api()
    hits = dict.fromkeys((modules, image), RESULT)
    assert set(demanded([one], hits, evicted=frozenset({packages}))) == {packages}


def test_stale_code_demands_the_accelerator_it_lacks() -> None:
    one, modules, packages, image = api()
    nodes = demanded([one], {modules: RESULT})
    assert set(nodes) == {packages, image}
    assert nodes[image].wants == {packages}


def test_an_evicted_dependency_is_demanded_under_a_fresh_image() -> None:
    one, modules, packages, image = api()
    assert set(demanded([one], dict.fromkeys((packages, image), RESULT))) == {modules}


def test_force_demands_all_whatever_is_stored() -> None:
    one, modules, packages, image = api()
    hits = dict.fromkeys((modules, packages, image), RESULT)
    assert set(demanded([one], hits, force=True)) == {modules, packages, image}


def test_a_key_that_five_targets_share_is_demanded_once_for_all() -> None:
    targets = keyed_services(*NAMES)
    nodes = demanded(targets, {})
    assert len(nodes) == 2 + len(NAMES)
    shared = nodes[targets[0].layers[0].key]
    assert shared.labels == tuple(sorted(one.label for one in targets))


def pinning(*, awaits: str = "") -> TargetActions:
    """Like `service`, with code that takes of the layers below only what its files say."""
    below, packages, code = service("api").actions
    return target("api", below, packages, replace(code, pinned=("packages",), awaits=awaits))


def test_what_is_only_pinned_is_made_for_a_layer_that_is_made_and_for_no_other() -> None:
    (one,) = keyed([pinning()], FILES, BASES)
    modules, packages, image = (layer.key for layer in one.layers)
    assert one.actions.on_demand == {"modules", "packages"}
    assert demanded([one], {image: RESULT}) == {}
    assert set(demanded([one], {packages: RESULT})) == {image}
    assert set(demanded([one], {modules: RESULT})) == {packages, image}
    assert set(demanded([one], {})) == {modules, packages, image}
    assert set(demanded([one], {image: RESULT}, evicted=frozenset({packages}))) == {
        modules,
        packages,
    }


def test_a_layer_that_another_one_keeps_is_not_made_on_demand() -> None:
    test_layer = action("more", below=("modules",))
    kept = target("api", *pinning().actions, test_layer)
    assert kept.on_demand == {"packages"}


def test_an_action_without_a_key_demands_what_it_awaits_and_what_it_takes() -> None:
    (one,) = keyed([pinning(awaits="modules")], FILES, BASES)
    modules, packages = (layer.key for layer in one.layers)
    assert [action.layer for action in one.open] == ["image"]
    assert one.awaited == {modules}
    assert set(demanded([one], {})) == {modules, packages}
    assert set(demanded([one], {packages: RESULT})) == {modules}


# --- states ---------------------------------------------------------------------------------------


def test_an_action_becomes_ready_when_all_below_it_has_ended() -> None:
    one, modules, packages, image = api()
    plan = plan_of(demanded([one], {}))
    states = [[plan.state(key) for key in (modules, packages, image)]]
    for key in (modules, packages, image):
        assert plan.next_ready() == key
        plan.start(key)
        assert plan.next_ready() is None
        plan.finish(key)
        states.append([plan.state(key) for key in (modules, packages, image)])
    assert states == [
        [State.READY, State.WAITING, State.WAITING],
        [State.DONE, State.READY, State.WAITING],
        [State.DONE, State.DONE, State.READY],
        [State.DONE, State.DONE, State.DONE],
    ]
    assert plan.ended


def test_a_started_action_runs() -> None:
    one, modules, _, _ = api()
    plan = plan_of(demanded([one], {}))
    plan.start(modules)
    assert plan.state(modules) is State.RUNNING
    assert not plan.ended


def test_a_failure_skips_all_above_it() -> None:
    one, modules, packages, image = api()
    plan = plan_of(demanded([one], {}))
    plan.start(modules)
    assert set(plan.fail(modules)) == {packages, image}
    assert plan.state(modules) is State.FAILED
    assert plan.ended


def test_a_failed_accelerator_is_no_obstacle() -> None:
    one, modules, packages, image = api()
    plan = plan_of(demanded([one], {}))
    plan.start(modules)
    plan.finish(modules)
    plan.start(packages)
    assert plan.fail(packages) == ()
    assert plan.next_ready() == image


def test_a_failure_reports_only_what_is_skipped_for_it() -> None:
    first, second = (
        target(name, action("deps", text=name), action("image", below=("deps",), text=name))
        for name in ("one", "two")
    )
    targets = keyed([first, second], FILES, BASES)
    plan = plan_of(demanded(targets, {}))
    for one in targets:
        plan.start(one.layers[0].key)
    assert plan.fail(targets[0].layers[0].key) == (targets[0].image.key,)
    assert plan.fail(targets[1].layers[0].key) == (targets[1].image.key,)


def test_a_stopped_plan_starts_nothing_more_and_lets_what_runs_end() -> None:
    targets = keyed_services("s0", "s1")
    modules, packages, image = (layer.key for layer in targets[0].layers)
    plan = plan_of(demanded(targets, {}))
    plan.start(modules)
    assert set(plan.stop()) == {packages, image, targets[1].image.key}
    assert plan.next_ready() is None
    ended = [plan.ended]
    plan.finish(modules)
    assert [*ended, plan.ended] == [False, True]
    assert plan.state(image) is State.SKIPPED


def test_of_the_ready_ones_the_longest_way_to_the_end_goes_first() -> None:
    targets = keyed([service(name, accelerated=False) for name in NAMES], FILES, BASES)
    hits = {targets[0].layers[0].key: RESULT}
    nodes = demanded(targets, hits)
    order = [targets[number].image.key for number in (3, 1, 4, 0, 2)]
    plan = Plan(nodes, {key: -float(place) for place, key in enumerate(order)})
    started = []
    while (key := plan.next_ready()) is not None:
        plan.start(key)
        started.append(key)
    assert started == order


def test_a_plan_grows_by_what_was_unknown_and_keeps_the_states_it_has() -> None:
    one, modules, packages, image = api()
    nodes = demanded([one], {})
    plan = plan_of({key: node for key, node in nodes.items() if key != image})
    plan.start(modules)
    plan.finish(modules)
    assert plan.extend(nodes, dict.fromkeys(nodes, 0.0)) == ()
    assert [plan.state(key) for key in nodes] == [State.DONE, State.READY, State.WAITING]
    plan.start(packages)
    assert plan.fail(packages) == ()
    assert plan.next_ready() == image


def test_what_a_plan_grows_by_is_skipped_if_something_it_needs_failed_or_all_was_stopped() -> None:
    one, modules, packages, image = api()
    nodes = demanded([one], {})
    for stopped in (False, True):
        plan = plan_of({modules: nodes[modules]})
        plan.start(modules)
        if stopped:
            plan.stop()
            plan.finish(modules)
        else:
            plan.fail(modules)
        assert set(plan.extend(nodes, dict.fromkeys(nodes, 0.0))) == {packages, image}
        assert plan.ended


def test_an_empty_plan_has_ended() -> None:
    plan = Plan({}, {})
    assert plan.ended
    assert plan.next_ready() is None


@pytest.mark.parametrize("misuse", ["start", "finish", "fail"])
def test_states_change_in_one_order_only(misuse: str) -> None:
    one, _, packages, _ = api()
    plan = plan_of(demanded([one], {}))
    with pytest.raises(AssertionError, match="BUG"):
        getattr(plan, misuse)(packages)
