"""The components that an image has, as it says itself: Go programs, Python distributions, packages.

What only a lower layer has, because an upper one removed it, doesn't count.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from buildsys.images.contents import files_of
from buildsys.images.go_build_info import go_components
from buildsys.images.programs import ELF_MAGIC
from buildsys.images.stored import StoredImage
from buildsys.model.components import Component, Ecosystem

_METADATA = re.compile(r".*/[^/]+\.dist-info/METADATA")
_DEBIAN = re.compile(r"/var/lib/dpkg/status(\.d/[^/]+)?")
_ALPINE = "/lib/apk/db/installed"


@dataclass(slots=True)
class _Reader:
    """Keeps what files say; the layer tells later whether they are still there."""

    layer: int = 0
    found: dict[tuple[int, str], tuple[Component, ...]] = field(default_factory=dict)

    def read(self, path: str, content: bytes) -> None:
        components = tuple(_components(path, content))
        if components:
            self.found[self.layer, path] = components


def image_components(image: StoredImage) -> tuple[Component, ...]:
    """What the image has, sorted.

    Raises:
        MachineError: a layer is missing or damaged.
    """
    reader = _Reader()
    files = files_of(image, reader.read, on_layer=lambda number: setattr(reader, "layer", number))
    there = {
        component
        for (layer, path), components in reader.found.items()
        if path in files and files[path].layer == layer
        for component in components
    }
    return tuple(sorted(there, key=lambda component: component.place))


def _components(path: str, content: bytes) -> Iterator[Component]:
    if content.startswith(ELF_MAGIC):
        yield from go_components(content)
    elif _METADATA.fullmatch(path):
        yield from _distribution(content)
    elif _DEBIAN.fullmatch(path):
        yield from _debian(content)
    elif path == _ALPINE:
        yield from _alpine(content)


def _distribution(content: bytes) -> Iterator[Component]:
    """Core metadata (packaging.python.org): headers up to an empty line."""
    said = _fields(content.decode(errors="replace").partition("\n\n")[0], ": ")
    if "Name" in said and "Version" in said:
        yield Component(
            Ecosystem.PYTHON,
            said["Name"],
            said["Version"],
            licence=said.get("License-Expression", ""),
        )


def _debian(content: bytes) -> Iterator[Component]:
    for paragraph in content.decode(errors="replace").split("\n\n"):
        said = _fields(paragraph, ": ")
        # Packages of which only configuration is left are listed as well.
        if "Package" in said and said.get("Status", "installed").endswith("installed"):
            yield Component(
                Ecosystem.DEBIAN,
                said["Package"],
                said.get("Version", ""),
                "debian",
                said.get("Architecture", ""),
            )


def _alpine(content: bytes) -> Iterator[Component]:
    for paragraph in content.decode(errors="replace").split("\n\n"):
        said = _fields(paragraph, ":")
        if "P" in said:
            yield Component(
                Ecosystem.ALPINE, said["P"], said.get("V", ""), "alpine", said.get("A", "")
            )


def _fields(text: str, separator: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, between, value = line.partition(separator)
        if between and not line.startswith((" ", "\t")):
            found.setdefault(name, value.strip())
    return found
