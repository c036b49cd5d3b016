"""What a program or library says of itself (ELF), read by pyelftools."""

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile

ELF_MAGIC = b"\x7fELF"
_BUILD_FOLDERS = (
    b"/src/cmd/", b"/go/pkg/mod/", b"/usr/local/go/src/", b"/usr/lib/go-", b"/cargo/registry/",
    b"/target/release/", b"/root/.cargo/",
)  # fmt: skip
"""Where sources are while the built-in rules build (besides the package's own folder)."""


@dataclass(frozen=True, slots=True)
class Elf:
    """One ELF file."""

    interpreter: str
    """The dynamic linker that it asks for; "" if none."""
    needed: tuple[str, ...]
    """Libraries that it asks for."""
    symbols: tuple[str, ...]
    """Names of the sections that stripping would remove."""
    folders: tuple[str, ...]
    """Folders of the build that it names."""


def read_elf(content: bytes) -> Elf | None:
    """The facts; None if it is no ELF file, or none that can be read."""
    if not content.startswith(ELF_MAGIC):
        return None
    from elftools.common.exceptions import ELFError  # noqa: PLC0415 - only what is verified needs it
    from elftools.elf.elffile import ELFFile  # noqa: PLC0415

    try:
        elf = ELFFile(io.BytesIO(content))
        interpreter, needed = _dynamic(elf)
        sections = [section.name for section in elf.iter_sections()]
    except (ELFError, UnicodeDecodeError, AssertionError):
        return None
    symbols = tuple(n for n in sections if n == ".symtab" or n.startswith((".debug_", ".zdebug_")))
    folders = tuple(folder.decode() for folder in _BUILD_FOLDERS if folder in content)
    return Elf(interpreter, needed, symbols, folders)


def _dynamic(elf: "ELFFile") -> tuple[str, tuple[str, ...]]:
    from elftools.elf.dynamic import DynamicSegment  # noqa: PLC0415
    from elftools.elf.segments import InterpSegment  # noqa: PLC0415

    interpreter, needed = "", list[str]()
    for segment in elf.iter_segments():
        if isinstance(segment, InterpSegment):
            interpreter = segment.get_interp_name()
        elif isinstance(segment, DynamicSegment):
            needed += [str(vars(tag)["needed"]) for tag in segment.iter_tags("DT_NEEDED")]
    return interpreter, tuple(needed)
