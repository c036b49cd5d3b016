"""What a rule is."""

from typing import Protocol, TypeVar

from buildsys.model.action import TargetActions
from buildsys.model.target import Target
from buildsys.rules.attributes import Attribute

S_contra = TypeVar("S_contra", contravariant=True)


class Rule(Protocol[S_contra]):
    """Gives a kind of target its meaning: the actions that make its image, from the facts about its sources."""

    name: str
    """As written in BUILD.yaml."""
    version: int
    """Enters every key; raised whenever the rule's meaning changes without its Dockerfile text."""
    static: bool
    """Whether its images have one static program that names no folder of the build: `bs verify` asks."""
    doc: str
    """One sentence for the reference."""
    attributes: tuple[Attribute, ...]

    def actions(self, target: Target, sources: S_contra, platform: str) -> TargetActions:
        """The layers of the image, bottom up; pure."""
