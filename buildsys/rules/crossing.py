"""Images for another platform than the one that builds: compiled here, only put together as theirs.

What runs runs on the machine's own platform; the stages that become the image run nothing, they copy.
"""

from dataclasses import replace

from buildsys.model.action import Action, TargetActions
from buildsys.model.dockerfile import Stage
from buildsys.rules.go_stages import LAST_PACKAGES
from buildsys.rules.image import IMAGE_LAYER, RUNTIME_LAYER

_OF_THE_IMAGE = frozenset({RUNTIME_LAYER, IMAGE_LAYER})
"""Layers whose last stage is for the image's platform."""


def crossed(target: TargetActions, machine: str) -> TargetActions:
    """Actions for another platform as the platform `machine` runs them."""
    return replace(target, actions=tuple(_crossed(action, machine) for action in target.actions))


def _crossed(action: Action, machine: str) -> Action:
    if action.layer not in _OF_THE_IMAGE:
        apart = tuple(_apart(stage, action.platform) for stage in action.stages)
        return replace(action, platform=machine, stages=apart)
    *working, image = action.stages
    here = (replace(stage, base=f"--platform={machine} {stage.base}") for stage in working)
    return replace(action, stages=(*here, image))


def _apart(stage: Stage, platform: str) -> Stage:
    """What was compiled last for one platform is of no use to another."""
    own = f"{LAST_PACKAGES}-{platform.replace('/', '-')}"
    lines = tuple(line.replace(f"{LAST_PACKAGES},", f"{own},") for line in stage.instructions)
    return replace(stage, instructions=lines)
