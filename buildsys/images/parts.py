"""What the layers of an image are made of: distributions, packages of Go, sections of programs, folders.

Every byte that counts as the image's size is in exactly one part of one layer.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from buildsys.images.contents import files_of
from buildsys.images.distributions import Distributions
from buildsys.images.programs import ELF_MAGIC, program_parts
from buildsys.images.stored import StoredImage
from buildsys.model.parts import LayerParts, Part

_DEPTH = 3
"""Folders are told apart down to here: /usr/lib/python3.13."""


@dataclass(slots=True)
class _Reader:
    """Collects the files of each layer as they go by."""

    sizes: dict[int, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    programs: dict[tuple[int, str], Mapping[str, int]] = field(default_factory=dict)
    libraries: set[tuple[int, str]] = field(default_factory=set)
    """Libraries and programs that need some: each is a part as a whole."""
    distributions: Distributions = field(default_factory=Distributions)
    layer: int = 0

    def read(self, path: str, content: bytes) -> None:
        self.sizes[self.layer][path] = len(content)
        self.distributions.read(path, content)
        if content.startswith(ELF_MAGIC):
            inside = program_parts(content) if ".so" not in path else {}
            if inside:
                self.programs[self.layer, path] = inside
            else:
                self.libraries.add((self.layer, path))


def layer_parts(image: StoredImage) -> tuple[LayerParts, ...]:
    """The layers, bottom up. A file that a later layer replaces counts in both, as it is shipped twice.

    Raises:
        MachineError: a layer is missing or damaged.
    """
    reader = _Reader()
    files_of(image, reader.read, on_layer=lambda number: setattr(reader, "layer", number))
    return tuple(
        LayerParts(
            blob.digest,
            sum(reader.sizes[number].values()),
            blob.size_bytes,
            tuple(_parts(number, reader)),
        )
        for number, blob in enumerate(image.result.blobs[2:])
    )


def _parts(layer: int, reader: _Reader) -> Iterable[Part]:
    sizes: dict[str, int] = defaultdict(int)
    files: dict[str, int] = defaultdict(int)
    for path, size in reader.sizes[layer].items():
        owner = reader.distributions.owner(path)
        inside = reader.programs.get((layer, path))
        if owner is None and inside is not None:
            for name, part in inside.items():
                sizes[f"{path}: {name}"] += part
        else:
            name = owner or (path if (layer, path) in reader.libraries else _folder(path))
            sizes[name] += size
            files[name] += 1
    parts = (Part(name, size, files[name]) for name, size in sizes.items())
    return sorted(parts, key=lambda part: (-part.size_bytes, part.name))


def _folder(path: str) -> str:
    parts = path.split("/")
    return path if len(parts) <= _DEPTH + 1 else "/".join(parts[: _DEPTH + 1]) + "/"
