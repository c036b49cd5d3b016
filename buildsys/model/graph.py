"""An immutable directed graph: what needs what. The only importer of networkx.

networkx is imported on first use: it costs as much as a change of code, whose graph has no edges.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Generic, TypeVar, cast

if TYPE_CHECKING:
    import networkx

N = TypeVar("N", bound=Hashable)


class Cycle(Exception, Generic[N]):
    """The graph has a cycle; `path` begins and ends with the same node."""

    def __init__(self, path: tuple[N, ...]) -> None:
        super().__init__(" → ".join(map(str, path)))
        self.path = path


class Graph(Generic[N]):
    """Nodes and, for each, the nodes that it needs."""

    def __init__(self, needs: Mapping[N, Iterable[N]]) -> None:
        self._needs = {node: tuple(below) for node, below in needs.items()}

    def order(self) -> tuple[N, ...]:
        """Each node after those that it needs; independent nodes in the order given.

        Raises:
            Cycle: there is no such order.
        """
        import networkx  # noqa: PLC0415

        graph = self._directed()
        try:
            return tuple(networkx.topological_sort(graph))
        except networkx.NetworkXUnfeasible:
            edges = networkx.find_cycle(graph)
            # Edges point from what is needed; people read "needs" from left to right.
            path = [edge[0] for edge in reversed(edges)]
            raise Cycle((*path, path[0])) from None

    def closure(self, nodes: Iterable[N]) -> frozenset[N]:
        """`nodes` and all that they need, directly or not."""
        import networkx  # noqa: PLC0415

        graph = self._directed()
        wanted = set(nodes)
        return frozenset(wanted.union(*(networkx.ancestors(graph, node) for node in wanted)))

    def dependents(self, nodes: Iterable[N]) -> frozenset[N]:
        """`nodes` and all that need them, directly or not."""
        import networkx  # noqa: PLC0415

        graph = self._directed()
        wanted = set(nodes)
        return frozenset(wanted.union(*(networkx.descendants(graph, node) for node in wanted)))

    def critical_path(self, cost: Callable[[N], float]) -> tuple[N, ...]:
        """The chain of nodes whose costs add up to most, first to last."""
        if not self._connected:
            return tuple(sorted(self._needs, key=cost)[-1:])
        import networkx  # noqa: PLC0415

        graph = self._directed()
        # A cost sits on a node, networkx weighs edges: each node's cost goes to the edges that leave it,
        # and an extra end of all chains takes the last one's.
        end = object()
        weighted: networkx.DiGraph[object] = networkx.DiGraph()
        for node in graph:
            weighted.add_edge(node, end, weight=cost(node))
        for below, above in graph.edges:
            weighted.add_edge(below, above, weight=cost(below))
        # Nodes that cost nothing may leave the end out: it is no longer away than they are.
        path = networkx.dag_longest_path(weighted)
        return cast("tuple[N, ...]", tuple(node for node in path if node is not end))

    def remaining(self, cost: Callable[[N], float]) -> dict[N, float]:
        """For each node, its own cost plus that of the most costly chain of its dependents."""
        if not self._connected:
            return {node: cost(node) for node in self._needs}
        left: dict[N, float] = {}
        graph = self._directed()
        for node in reversed(self.order()):
            left[node] = cost(node) + max(
                (left[above] for above in graph.successors(node)), default=0
            )
        return left

    @property
    def _connected(self) -> bool:
        """Whether there is any edge; without one, as after an edit of code, questions answer themselves."""
        return any(self._needs.values())

    def _directed(self) -> "networkx.DiGraph[N]":
        import networkx  # noqa: PLC0415

        graph: networkx.DiGraph[N] = networkx.DiGraph()
        graph.add_nodes_from(self._needs)
        graph.add_edges_from(
            (below, node) for node, needs in self._needs.items() for below in needs
        )
        return graph
