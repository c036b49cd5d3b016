"""Everything that `bs` can refuse, with its exit code.

BuildsysError
├── UsageError            2  a wrong argument, label or pattern
├── BuildFileError        2  BUILD.yaml or another input file, with its place
├── BuildFailed           1  a step of an image failed
├── CheckFailed           3  a test, a verification or a size budget failed
├── MachineError         36  the machine lacks something: BuildKit, a base, a tool
├── InputChanged          1  a source changed while it was being read
├── ResultLost           36  what a shared cache had can't be had after all
├── InternalError        37  a bug in bs
└── Interrupted         130  Ctrl-C or SIGTERM
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a file of the workspace; line and column count from 1, 0 means unknown."""

    path: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.path
        return (
            f"{self.path}:{self.line}:{self.column}" if self.column else f"{self.path}:{self.line}"
        )


class BuildsysError(Exception):
    """What went wrong, where, and what to do next."""

    exit_code = 37

    def __init__(self, message: str, *, at: Location | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.at = at
        self.hint = hint

    def __str__(self) -> str:
        place = f"{self.at}: " if self.at else ""
        return f"{place}{self.message}"


class UsageError(BuildsysError):
    """A wrong argument, label or target pattern."""

    exit_code = 2


class BuildFileError(BuildsysError):
    """A BUILD.yaml, or another file that the build reads, that can't be understood."""

    exit_code = 2


class BuildFailed(BuildsysError):
    """A step of an image failed."""

    exit_code = 1


class CheckFailed(BuildsysError):
    """A test, a verification or a size budget failed."""

    exit_code = 3


class MachineError(BuildsysError):
    """The machine lacks something that the build needs."""

    exit_code = 36


class InputChanged(BuildsysError):
    """A source file isn't what it was when it was hashed; the action has to be planned again."""

    exit_code = 1


class ResultLost(BuildsysError):
    """A result of a shared cache, which a build counted on, can't be had; it has to be planned again."""

    exit_code = 36


class InternalError(BuildsysError):
    """Something that only a bug can bring about."""


class Interrupted(BuildsysError):
    """The user, or the system, asked to stop."""

    exit_code = 130
