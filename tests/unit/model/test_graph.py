"""Graphs: order, cycles, closures, the critical path."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildsys.model.graph import Cycle, Graph

NEEDS = {"image": ["modules", "runtime"], "modules": ["base"], "runtime": ["base"], "base": []}

# Each node needs only smaller ones: no cycles.
graphs = st.integers(0, 7).flatmap(
    lambda count: st.fixed_dictionaries(
        {
            node: st.lists(st.integers(0, node - 1), unique=True, max_size=3)
            if node
            else st.just([])
            for node in range(count)
        }
    )
)


def test_what_is_needed_comes_first() -> None:
    assert Graph(NEEDS).order() == ("base", "modules", "runtime", "image")


def test_independent_nodes_stay_in_the_order_given() -> None:
    assert Graph({"b": [], "a": [], "c": []}).order() == ("b", "a", "c")


@given(graphs)
def test_every_order_has_each_node_once_after_its_needs(needs: dict[int, list[int]]) -> None:
    order = Graph(needs).order()
    assert sorted(order) == sorted(needs)
    for node, below in needs.items():
        assert all(order.index(one) < order.index(node) for one in below)


@pytest.mark.parametrize(
    ("needs", "path"),
    [
        ({"a": ["a"]}, "a → a"),
        ({"a": ["b"], "b": ["a"], "c": []}, "a → b → a"),
        ({"a": ["b"], "b": ["c"], "c": ["a"]}, "a → b → c → a"),
    ],
)
def test_a_cycle_is_told_as_what_needs_what(needs: dict[str, list[str]], path: str) -> None:
    with pytest.raises(Cycle) as raised:
        Graph(needs).order()
    found = raised.value.path
    assert found[0] == found[-1]
    assert all(later in needs[earlier] for earlier, later in itertools.pairwise(found))
    assert len(str(raised.value)) == len(path)


def test_closures_go_down_and_dependents_go_up() -> None:
    graph = Graph(NEEDS)
    assert graph.closure(["modules"]) == {"modules", "base"}
    assert graph.dependents(["modules"]) == {"modules", "image"}
    assert graph.closure([]) == frozenset()
    assert graph.dependents(["base"]) == set(NEEDS)


def test_the_critical_path_is_the_most_costly_chain() -> None:
    costs = {"base": 1.0, "modules": 30.0, "runtime": 2.0, "image": 5.0, "alone": 35.0}
    graph = Graph({**NEEDS, "alone": []})
    assert graph.critical_path(costs.__getitem__) == ("base", "modules", "image")
    costs["alone"] = 37.0
    assert graph.critical_path(costs.__getitem__) == ("alone",)


def test_a_critical_path_of_nothing_is_empty() -> None:
    nothing: dict[str, list[str]] = {}
    assert Graph(nothing).critical_path(lambda _node: 1.0) == ()


def test_a_chain_that_cost_nothing_is_a_chain() -> None:
    assert Graph({"a": []}).critical_path(lambda _node: 0.0) == ("a",)


@given(graphs, st.lists(st.floats(0, 9), min_size=7, max_size=7))
def test_the_critical_path_costs_as_much_as_any_chain_can(
    needs: dict[int, list[int]], costs: list[float]
) -> None:
    graph = Graph(needs)
    path = graph.critical_path(costs.__getitem__)
    assert all(a in needs[b] for a, b in itertools.pairwise(path))
    longest: dict[int, float] = {}
    for node in sorted(needs):
        longest[node] = costs[node] + max((longest[below] for below in needs[node]), default=0)
    assert sum(costs[node] for node in path) == pytest.approx(max(longest.values(), default=0))


def test_what_remains_is_the_costliest_way_to_the_end() -> None:
    costs = {"base": 1.0, "modules": 30.0, "runtime": 2.0, "image": 5.0}
    assert Graph(NEEDS).remaining(costs.__getitem__) == {
        "image": 5.0,
        "modules": 35.0,
        "runtime": 7.0,
        "base": 36.0,
    }
