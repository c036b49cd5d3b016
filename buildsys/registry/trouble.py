"""What a registry can fail of."""

from buildsys.errors import MachineError


class RegistryTrouble(MachineError):
    """The registry doesn't do what it is asked; `status` is 0 where it gave no answer at all."""

    def __init__(self, message: str, *, status: int = 0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status


class WrongBytes(RegistryTrouble):
    """What the registry gives under a digest has another one, or another size."""
