"""How a build is to be done."""

from dataclasses import dataclass

from buildsys.model.action import Action, Role


@dataclass(frozen=True, slots=True)
class Options:
    """How to build."""

    jobs: int
    keep_going: bool = False
    force: bool = False
    rerun_tests: bool = False
    """Run tests though they passed before."""
    images: bool = False
    """Have the bytes of images here in the end, even of those that somebody else made."""

    def again(self, action: Action) -> bool:
        """Whether the action is to run even if its result is stored."""
        return self.force or (self.rerun_tests and action.role is Role.TEST)
