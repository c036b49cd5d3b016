"""Labels name targets; target patterns stand for several of them."""

import re
from dataclasses import dataclass

from buildsys.errors import UsageError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+@-]*")


@dataclass(frozen=True, slots=True, order=True)
class Label:
    """The absolute name of a target: `//package:name`, short `//a/b` for `//a/b:b`."""

    package: str
    name: str

    def __str__(self) -> str:
        if self.package and self.package.rpartition("/")[2] == self.name:
            return f"//{self.package}"
        return f"//{self.package}:{self.name}"

    @staticmethod
    def parse(text: str) -> "Label":
        """Parse `//a/b`, `//a/b:c` or `//:c`.

        Raises:
            UsageError: `text` isn't a label.
        """
        if not text.startswith("//"):
            raise UsageError(f"`{text}` is not a label: labels start with `//`")
        package, colon, name = text[2:].partition(":")
        if not colon:
            name = package.rpartition("/")[2]
        if not is_package_path(package) or not is_target_name(name):
            raise UsageError(
                f"`{text}` is not a label", hint="labels look like `//cmd/api` or `//cmd/api:image`"
            )
        return Label(package, name)


def is_target_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


def is_package_path(text: str) -> bool:
    """Whether `text` is a folder below the workspace, in the one spelling labels allow."""
    return text == "" or all(_SEGMENT.fullmatch(part) for part in text.split("/"))
