"""The image under examination, read once."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from buildsys.execution.report import TargetReport
from buildsys.images.contents import ImageFile, files_of, resolved
from buildsys.images.stored import StoredImage
from buildsys.keys.keying import KeyedTarget
from buildsys.model.target import Target
from buildsys.verification.elf import Elf, read_elf

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Subject:
    """One image, and what its target promises of it."""

    target: Target
    static: bool
    """Whether the rule promises one static program that names no folder of the build."""
    image: StoredImage
    config: Mapping[str, Any]
    """The `config` object of the image's configuration (OCI image-spec, config.md)."""
    created: str
    files: Mapping[str, ImageFile]
    programs: Mapping[str, Elf]
    """Path → the ELF files among them."""
    code_from: int
    """The first layer of the code layer, counted from the bottom of the image."""
    foreign: Mapping[str, str]
    """Digest of content → path, of the workspace's files that aren't inputs of this image."""

    @property
    def program(self) -> ImageFile | None:
        """What the entrypoint starts; None if there is none in the image."""
        words = self.config.get("Entrypoint") or self.config.get("Cmd") or ()
        if not words:
            return None
        name = str(words[0])
        variables = dict(item.partition("=")[::2] for item in self.config.get("Env") or ())
        folders = [""] if "/" in name else variables.get("PATH", _PATH).split(":")
        found = (resolved(dict(self.files), f"{folder}/{name}") for folder in folders)
        return next((file for file in found if file is not None), None)


@dataclass(slots=True)
class _Programs:
    """Collects the ELF files while layers are read."""

    found: dict[str, Elf] = field(default_factory=dict)

    def read(self, path: str, content: bytes) -> None:
        elf = read_elf(content)
        if elf is not None:
            self.found[path] = elf


def subject_of(
    target: Target,
    report: TargetReport,
    image: StoredImage,
    foreign: Mapping[str, str],
    *,
    static: bool,
) -> Subject:
    """Read the image.

    Raises:
        MachineError: a blob of it is missing or damaged.
    """
    programs = _Programs()
    files = files_of(image, programs.read)
    document = json.loads(image.config())
    return Subject(
        target=target,
        static=static,
        image=image,
        config=document.get("config", {}),
        created=document.get("created", ""),
        files=files,
        programs={path: elf for path, elf in programs.found.items() if path in files},
        code_from=_layers_below(report),
        foreign=foreign,
    )


def _layers_below(report: TargetReport) -> int:
    """How many layers of the image are those of a dependency layer, which it stands on."""
    assert report.image is not None
    layers = report.image.blobs[2:]
    below = [layer.result.blobs[2:] for layer in report.layers[:-1] if layer.result is not None]
    return max((len(found) for found in below if layers[: len(found)] == found), default=0)


def foreign_files(target: KeyedTarget, workspace: tuple[KeyedTarget, ...]) -> dict[str, str]:
    """Content digest → path, of all inputs in the workspace that `target` doesn't have too.

    Files without content are nobody's.
    """
    own = _inputs(target)
    others = [_inputs(other) for other in workspace if other.label != target.label]
    return {
        digest: path
        for found in others
        for digest, path in found.items()
        if digest not in own and digest != _EMPTY
    }


_EMPTY = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def _inputs(target: KeyedTarget) -> dict[str, str]:
    found: dict[str, str] = {}
    for keyed in target.layers:
        inputs = keyed.manifest["inputs"]
        assert isinstance(inputs, Mapping)
        for states in inputs.values():
            found |= {str(state).rpartition(" ")[2]: path for path, state in states.items()}
    return {digest: path for digest, path in found.items() if digest.startswith("sha256:")}
