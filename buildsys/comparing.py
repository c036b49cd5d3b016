"""What of a workspace a change reaches: keyed as it is and as it was, by nothing but the files.

No base is asked for and none has to be there: one that isn't stands for its declaration, on both sides.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from buildsys.analysis.analyze import Analysis
from buildsys.errors import BuildsysError
from buildsys.execution.bases import KnownBase, bootstrap_manifest, known_bases
from buildsys.keys.affected import Affected, Keyed, affected, all_affected
from buildsys.keys.keying import KeyedTarget
from buildsys.keys.manifest import encode
from buildsys.knowing import ActionsOf, Knowing
from buildsys.loading import bases_lock
from buildsys.model.digest import digest_of
from buildsys.model.label import Label
from buildsys.tracing import UNTRACED
from buildsys.wiring import Session
from buildsys.workspace.revision import at_revision, is_tracked, merge_base


@dataclass(frozen=True, slots=True)
class Comparison:
    """The targets that a change since `commit` reaches; all of them where there is none, and why."""

    since: str
    commit: str
    targets: tuple[Affected, ...]
    removed: tuple[Label, ...] = ()
    obstacle: str = ""


def compare(session: Session, labels: tuple[Label, ...], since: str) -> Comparison:
    """What changed from the merge base of HEAD and `since` to the files that are there now.

    Raises:
        UsageError: there is no such revision.
        BuildFileError: the workspace can't be understood as it is now.
    """
    now = _Side(session, labels)
    commit, obstacle = merge_base(session.root, since)
    if commit:
        with at_revision(session.root, commit) as folder:
            try:
                return _compared(now, Session(session.machine, folder), since, commit)
            except BuildsysError as error:
                obstacle = f"the workspace at {commit[:12]} can't be understood: {error}"
                # Said once more, by whoever is to blame, if it can't be understood now either.
    return Comparison(since, "", all_affected(now.settled()), obstacle=obstacle)


def _compared(now: "_Side", then: Session, since: str, commit: str) -> Comparison:
    there = tuple(label for label in now.labels if label in then.workspace.targets)
    pins = None if is_tracked(now.session.root, bases_lock.NAME) else now.pins
    before = _Side(then, there, pins)
    unsure = now.unsure | before.unsure
    found = affected(before.settled(unsure), now.settled(unsure))
    gone = then.workspace.targets.keys() - now.session.workspace.targets.keys()
    return Comparison(since, commit, found, tuple(sorted(gone, key=str)))


@dataclass
class _Side:
    """One state of the workspace. `other_pins` are those of the other side, where they are in no commit."""

    session: Session
    labels: tuple[Label, ...]
    other_pins: Mapping[str, str] | None = None

    @cached_property
    def pins(self) -> Mapping[str, str]:
        tree = self.session.tree
        there = tree.is_file(bases_lock.NAME)
        return bases_lock.parse(tree.text(bases_lock.NAME)) if there else self.other_pins or {}

    @cached_property
    def knowing(self) -> Knowing:
        session, bases = self.session, self._bases()
        machine = session.machine
        facts = machine.module_facts(bases)
        return Knowing(session.analysis, session.tree, machine.store, facts, bases, UNTRACED)

    @cached_property
    def keyed(self) -> Keyed:
        return Keyed(self._keyed(Analysis.actions), self._keyed(Analysis.test_actions))

    @property
    def unsure(self) -> frozenset[Label]:
        """The targets of which not all modules are known."""
        found = self.keyed
        return frozenset(
            label for of in (found.images, found.tests) for label, one in of.items() if one.open
        )

    def settled(self, unsure: frozenset[Label] | None = None) -> Keyed:
        """With every key: of those that are `unsure` on one of both sides by all lines of go.mod."""
        unsure = self.unsure if unsure is None else unsure
        labels = tuple(label for label in self.labels if label in unsure)
        again, tests = (
            _by_label(self.knowing.keyed_as_known(labels, actions))
            for actions in (Analysis.actions, Analysis.test_actions)
        )
        return Keyed({**self.keyed.images, **again}, {**self.keyed.tests, **tests})

    def _keyed(self, actions: ActionsOf) -> dict[Label, KeyedTarget]:
        return _by_label(self.knowing.keyed(self.labels, actions))

    def _bases(self) -> dict[str, str]:
        settings, machine = self.session.workspace.settings, self.session.machine
        known = known_bases(settings.bases.values(), self.pins, machine.store, machine.platform)
        return {name: _reference(base, machine.platform) for name, base in known.items()}


def _by_label(targets: tuple[KeyedTarget, ...]) -> dict[Label, KeyedTarget]:
    return {target.label: target for target in targets}


def _reference(known: KnownBase, platform: str) -> str:
    """What the base is; or, where nobody has made or asked for it yet, what it is declared to be."""
    if known.reference is not None:
        return known.reference
    base = known.base
    made = encode(bootstrap_manifest(base.bootstrap, platform)) if base.bootstrap else b""
    return f"{base.image}@{digest_of(base.image.encode() + made)}"
