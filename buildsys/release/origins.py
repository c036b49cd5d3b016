"""The base that an image is built upon, by the stages of its actions."""

from buildsys.model.action import Action, TargetActions


def base_below(target: TargetActions) -> str | None:
    """The name of the base at the bottom of the image; None where it is built on nothing.

    Bases of stages that things are only copied from are no part of it.
    """
    action = target.actions[-1]
    name = action.stage
    while True:
        stages = {stage.name: stage.base for stage in action.stages}
        if name in stages:
            name = stages[name]
        elif name in action.layers:
            action = _action(target, action, name)
            name = action.stage
        else:
            return name if name in action.bases else None


def _action(target: TargetActions, above: Action, name: str) -> Action:
    found = {action.layer: action for action in target.actions}
    return found[name] if name in found else found[above.stand_in(name)]
