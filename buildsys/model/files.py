"""What matters of an input file: its content, whether it can be executed, where a link points."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from buildsys.model.digest import Digest


@dataclass(frozen=True, slots=True)
class FileState:
    """A regular file (`digest`) or a symbolic link (`link`, its text). Modes are reduced to one bit."""

    digest: Digest | None = None
    executable: bool = False
    link: str | None = None

    def __str__(self) -> str:
        """How it stands in a manifest: injective, and readable."""
        if self.link is not None:
            return f"-> {self.link}"
        return f"{'x ' if self.executable else ''}{self.digest}"


NAME_ONLY = "empty"
"""How a file stands in a manifest that enters by its path alone."""


class FileStates(Protocol):
    """Reads input files."""

    def state(self, path: str) -> FileState:
        """The state of a file or symbolic link of the workspace.

        Raises:
            BuildFileError: there is no such file, or it is neither a file nor a link that stays inside.
        """


BaseDigests = Mapping[str, str]
"""Name of a base → the reference by digest under which it enters keys and builds."""
