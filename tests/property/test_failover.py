"""The laws of failing over: whatever dies when, a living engine solves an action, or all reasons are said."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from buildsys.engine.failover import NEXT_ENGINES
from buildsys.errors import MachineError
from buildsys.execution.rendezvous import ranked
from tests.made_up_engines import MadeUpEngines, Place


@dataclass
class World:
    """Engines whose fates are drawn: which of them are dead before an action, and which die in it."""

    data: st.DataObject
    engines: MadeUpEngines
    died: list[str] = field(default_factory=list)
    """In mid-solve of the action under way."""

    def begin(self) -> None:
        dead = self.data.draw(st.sets(st.sampled_from(self.engines.addresses)))
        self.engines.dead = dict.fromkeys(dead, "connection refused")
        self.died.clear()

    def on_solve(self, address: str) -> None:
        if self.data.draw(st.booleans()):
            self.engines.dead[address] = "EOF"
            self.died.append(address)


def failure(place: Place, affinity: str) -> str:
    try:
        place.solve(affinity)
    except MachineError as error:
        return error.message
    return ""


@given(st.data(), st.integers(1, 5), st.lists(st.text("ab", min_size=1, max_size=3), max_size=5))
def test_each_action_ends_on_an_engine_that_lives_or_with_all_reasons(
    data: st.DataObject, count: int, actions: list[str]
) -> None:
    world = World(data, MadeUpEngines(count))
    world.engines.on_solve = world.on_solve
    place = Place(world.engines)
    for affinity in actions:
        world.begin()
        place.progress.engines.clear()
        world.engines.solved.clear()
        said = failure(place, affinity)
        assert all(address in said for address in world.died if said)
        if said:
            all_gone = set(world.engines.dead) == set(world.engines.addresses)
            assert all_gone or len(world.died) > NEXT_ENGINES
            assert world.engines.solved == []
        else:
            (on,) = world.engines.solved
            assert on not in world.engines.dead
            assert len(world.died) <= NEXT_ENGINES
        begun = place.progress.engines
        assert len(begun) == len(set(begun)), "never twice on the same one"


@given(st.integers(1, 5), st.text("abc", min_size=1), st.data())
def test_of_fresh_engines_the_best_that_lives_solves(
    count: int, affinity: str, data: st.DataObject
) -> None:
    engines = MadeUpEngines(count)
    dead = data.draw(st.sets(st.sampled_from(engines.addresses), max_size=count - 1))
    engines.dead = dict.fromkeys(dead, "connection refused")
    Place(engines).solve(affinity)
    best = next(one for one in ranked(affinity, engines.addresses) if one not in dead)
    assert engines.solved == [best]
