"""The laws of incremental building, for random graphs and random edits.

The oracle computes each result from the sources alone: it knows of no key, no store and no builder.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildsys.errors import BuildFailed
from buildsys.execution.plan import ENDED, Plan, State, demanded
from buildsys.keys.keying import keyed
from buildsys.model.action import Action, Role, TargetActions
from buildsys.model.dockerfile import render
from tests.builds import BASES, Checkout, action, target, told
from tests.fakes import DictFiles, FakeSolver, File, MemoryStore, evaluate, result_of

pytestmark = pytest.mark.slow

PATHS = tuple(f"dir/f{number}" for number in range(4))
# None is empty: a file that enters by its name is, and then two manifests may tell of one result.
STATES = (
    File(b"a"),
    File(b"b"),
    File(b"ab"),
    File(b"a", executable=True),
    File(link=PATHS[0]),
    File(link=PATHS[1]),
)


# --- random workspaces ----------------------------------------------------------------------------

files = st.fixed_dictionaries(dict.fromkeys(PATHS, st.sampled_from(STATES)))
some_texts = st.dictionaries(st.sampled_from(PATHS), st.sampled_from(("", "all of it")), max_size=1)
some_paths = st.lists(st.sampled_from(PATHS), unique=True, max_size=2)


@st.composite
def targets_of(draw: st.DrawFn, name: str) -> TargetActions:
    """A chain or a lattice of layers; the second may be an accelerator on the first.

    A layer may leave open what of the first one's content it takes, and get that told as a file.
    """
    accelerated = draw(st.booleans())
    layers = [action("l0", draw(some_paths), bases=("alpine",), text=draw(texts))]
    if accelerated:
        layers.append(action("fast", below=("l0",), accelerator=True))
    for number in range(1, draw(st.integers(1, 2)) + 1):
        below = draw(st.lists(st.sampled_from([one.layer for one in layers]), unique=True))
        pinned = [name for name in below if name in {"fast", "l0"} and draw(st.booleans())]
        layers.append(
            action(
                f"l{number}",
                draw(some_paths),
                below=below,
                stand_ins={"fast": "l0"} if "fast" in below else None,
                names_only=draw(some_paths),
                derived=draw(some_texts),
                pinned=pinned,
                awaits=draw(st.sampled_from(("", "", "l0"))),
                text=draw(texts),
            )
        )
    layers[-1] = replace(layers[-1], role=Role.CODE, rewrite_times=True)
    return target(name, *layers)


texts = st.sampled_from(("RUN make", "RUN make all"))
workspaces = st.tuples(targets_of("one"), targets_of("two"))


@dataclass(frozen=True)
class Edit:
    """One change of the world."""

    path: str
    file: File
    base: str
    text: str
    which: int


edits = st.builds(
    Edit,
    st.sampled_from(("", *PATHS)),
    st.sampled_from(STATES),
    st.sampled_from(("", "", "a", "b")),
    st.sampled_from(("", "", "RUN make", "RUN make all")),
    st.integers(0, 1),
)


def applied(
    edit: Edit, checkout: Checkout, targets: tuple[TargetActions, ...]
) -> tuple[TargetActions, ...]:
    if edit.path:
        checkout.files[edit.path] = edit.file
    if edit.base:
        checkout.bases["alpine"] = f"docker.io/alpine@sha256:{edit.base * 64}"
    if not edit.text:
        return targets
    old = targets[edit.which].actions[0]
    stage = replace(old.stages[0], instructions=(*old.stages[0].instructions[:-1], edit.text))
    changed = (replace(old, stages=(stage,)), *targets[edit.which].actions[1:])
    new = replace(targets[edit.which], actions=changed)
    return (*targets[: edit.which], new, *targets[edit.which + 1 :])


@contextmanager
def checkout_of(tree: dict[str, File]) -> Iterator[Checkout]:
    folder = tempfile.mkdtemp(prefix="bs-law-")
    try:
        solver = FakeSolver(frozenset({"fast"}))
        yield Checkout(MemoryStore(folder), dict(tree), solver, bases=dict(BASES))
    finally:
        shutil.rmtree(folder)


# --- the oracle -----------------------------------------------------------------------------------


def clean(one: TargetActions, tree: dict[str, File], bases: dict[str, str]) -> dict[str, object]:
    """Layer → what a clean build of it gives."""
    found: dict[str, object] = {}
    for layer in one.actions:
        contexts: dict[str, object] = {
            name: found[name] for name in layer.layers if name not in layer.pinned
        }
        contexts |= {name: {"base": bases[name].partition("@")[2]} for name in layer.bases}
        contexts |= {
            source.context: {
                "files": {
                    **dict.fromkeys(source.names_only, "file b''"),
                    **{path: _seen(tree[path]) for path in source.files},
                    **{path: f"file {text.encode()!r}" for path, text in source.derived},
                    **(
                        {"told": f"file {told(found[layer.awaits]).encode()!r}"}
                        if layer.awaits
                        else {}
                    ),
                }
            }
            for source in layer.sources
        }
        found[layer.layer] = (
            found[layer.layers[0]] if layer.accelerator else _built(layer, contexts)
        )
    return found


def _built(layer: Action, contexts: dict[str, object]) -> dict[str, object]:
    return evaluate(
        render(layer.stages),
        layer.stages[-1].name,
        layer.platform,
        contexts,
        rewrite_times=layer.rewrite_times,
    )


def _seen(file: File) -> str:
    if file.link is not None:
        return f"link to {file.link}"
    return f"{'program' if file.executable else 'file'} {file.content!r}"


def results(checkout: Checkout, *targets: TargetActions) -> list[dict[str, object]]:
    report = checkout.build(*targets, jobs=2)
    assert report.errors == ()
    return [
        {
            layer.name: result_of(checkout.store.layout, layer.result.digest)
            for layer in made.layers
            if layer.result is not None
        }
        for made in report.targets
    ]


# --- laws -----------------------------------------------------------------------------------------


@given(workspaces, files, st.lists(edits, max_size=4))
def test_incremental_equals_clean_and_only_what_changed_ran(
    targets: tuple[TargetActions, ...], tree: dict[str, File], changes: list[Edit]
) -> None:
    with checkout_of(tree) as checkout:
        known: list[object] = []
        for edit in (None, *changes):
            if edit is not None:
                targets = applied(edit, checkout, targets)
            wanted = [clean(one, checkout.files, checkout.bases) for one in targets]
            found = results(checkout, *targets)
            for one, built, expected in zip(targets, found, wanted, strict=True):
                # What is made on demand and nothing needed isn't there.
                assert built == {name: expected[name] for name in built}
                assert expected.keys() - built.keys() <= one.on_demand
            ran = [
                expected[event.layer]
                for event in checkout.sink.started
                if event.layer != "fast"
                for expected in [wanted[[one.label for one in targets].index(event.labels[0])]]
            ]
            # What ran is new, each once, and what didn't run was known.
            assert not any(result in known for result in ran)
            assert all(ran.count(result) == 1 for result in ran)
            known += ran


@settings(max_examples=30)
@given(workspaces, files)
def test_building_twice_runs_nothing_the_second_time(
    targets: tuple[TargetActions, ...], tree: dict[str, File]
) -> None:
    with checkout_of(tree) as checkout:
        first = results(checkout, *targets)
        assert results(checkout, *reversed(targets)) == list(reversed(first))
        assert checkout.solver.requests == []


@settings(max_examples=30)
@given(workspaces, files, edits)
def test_an_edit_that_is_taken_back_runs_nothing(
    targets: tuple[TargetActions, ...], tree: dict[str, File], edit: Edit
) -> None:
    with checkout_of(tree) as checkout:
        before = results(checkout, *targets)
        bases = dict(checkout.bases)
        edited = applied(edit, checkout, targets)
        results(checkout, *edited)
        checkout.files, checkout.bases = dict(tree), bases
        for built, old in zip(results(checkout, *targets), before, strict=True):
            assert built.items() >= old.items()
        assert all(request.stage == "fast" for request in checkout.solver.requests)


@settings(max_examples=30)
@given(workspaces, files, st.data())
def test_after_failures_the_next_build_makes_what_is_missing_and_no_more(
    targets: tuple[TargetActions, ...], tree: dict[str, File], data: st.DataObject
) -> None:
    with checkout_of(tree) as checkout:
        stages = sorted({layer.layer for one in targets for layer in one.actions})
        broken = data.draw(st.sets(st.sampled_from(stages), max_size=2))
        checkout.solver.failures = {stage: BuildFailed(stage) for stage in broken}
        checkout.build(*targets, keep_going=data.draw(st.booleans()))
        kept = len(checkout.store.records)
        assert kept <= len(checkout.solver.requests)
        checkout.solver.failures = {}
        found = results(checkout, *targets)
        for one, built in zip(targets, found, strict=True):
            expected = clean(one, checkout.files, checkout.bases)
            assert built == {name: expected[name] for name in built}
        assert len(checkout.store.records) == kept + len(checkout.solver.requests)


@given(workspaces, st.randoms(use_true_random=False))
def test_every_plan_ends_and_starts_each_action_once_after_what_it_needs(
    targets: tuple[TargetActions, ...], random: Random
) -> None:
    nodes = demanded(keyed(targets, DictFiles(dict.fromkeys(PATHS, STATES[0])), BASES), {})
    plan = Plan(nodes, {key: random.random() for key in nodes})
    keys = list(nodes)
    running, started, failed = keys[:0], keys[:0], set(keys[:0])
    while not plan.ended:
        key = plan.next_ready() if len(running) < 3 else None
        if key is not None and (not running or random.random() < 0.5):
            node = nodes[key]
            assert all(plan.state(below) is State.DONE for below in node.needs)
            assert all(plan.state(below) in ENDED for below in node.wants)
            plan.start(key)
            started.append(key)
            running.append(key)
            continue
        ended = running.pop(random.randrange(len(running)))
        if random.random() < 0.7:
            plan.finish(ended)
        else:
            failed.add(ended)
            assert all(plan.state(above) is State.SKIPPED for above in plan.fail(ended))
    assert len(set(started)) == len(started)
    for key, node in nodes.items():
        skipped = plan.state(key) is State.SKIPPED
        below = [plan.state(one) for one in node.needs]
        assert skipped == any(state in {State.FAILED, State.SKIPPED} for state in below)
        assert (plan.state(key) is State.FAILED) == (key in failed)
