"""What a program is made of: the text of Go by package, everything else by section (ELF, read by pyelftools).

A stripped Go binary still has the table that stack traces are made from, `.gopclntab`, with the name and the
address of each function (Go source: runtime/symtab.go, `pcHeader`; debug/gosym/pclntab.go).
"""

import io
import struct
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile

ELF_MAGIC = b"\x7fELF"
_GO_TABLE = ".gopclntab"
_TEXT = ".text"
_MAGIC = b"\xf1\xff\xff\xff"
"""Of Go 1.20 and later, little-endian."""
_HEADER = struct.Struct("<4sBBBBQQQQQQQQ")
_REST = "(headers)"


def program_parts(content: bytes) -> dict[str, int]:
    """Part → bytes of a static program; together they are the whole file.

    Empty for a program that asks for a dynamic linker, and for what can't be read.
    """
    from elftools.common.exceptions import ELFError  # noqa: PLC0415 - only where sizes are asked for
    from elftools.elf.elffile import ELFFile  # noqa: PLC0415

    parts: dict[str, int] = {}
    try:
        elf = ELFFile(io.BytesIO(content))
        if any(segment["p_type"] == "PT_INTERP" for segment in elf.iter_segments()):
            return {}
        for section in elf.iter_sections():
            if section["sh_type"] not in {"SHT_NOBITS", "SHT_NULL"} and section["sh_size"]:
                parts[section.name] = parts.get(section.name, 0) + section["sh_size"]
        functions = _go_functions(elf)
    except (ELFError, UnicodeDecodeError, AssertionError, struct.error):
        return {}
    if functions and _TEXT in parts:
        text = parts.pop(_TEXT)
        parts |= {f"package {name}": size for name, size in functions.items()}
        parts["(other text)"] = text - sum(functions.values())
    parts[_REST] = len(content) - sum(parts.values())
    return {name: size for name, size in parts.items() if size}


def _go_functions(elf: "ELFFile") -> dict[str, int]:
    """Package → bytes of machine code; empty if it is no Go program of a known format."""
    section = elf.get_section_by_name(_GO_TABLE)
    table = section.data() if section is not None else b""
    if not table.startswith(_MAGIC) or len(table) < _HEADER.size or table[7] != 8:  # noqa: PLR2004 - pointers of 8 bytes
        return {}
    sizes: dict[str, int] = defaultdict(int)
    for name, size in _functions(table):
        sizes[go_package(name)] += size
    return dict(sizes)


def _functions(table: bytes) -> Iterator[tuple[str, int]]:
    count, names, first = _fields(table)
    # Pairs of the entry's offset in the text and the function's in this table; one more offset ends them.
    offsets = struct.unpack_from(f"<{2 * count + 1}I", table, first)
    for number in range(count):
        entry, info, following = offsets[2 * number : 2 * number + 3]
        (name_offset,) = struct.unpack_from("<i", table, first + info + 4)
        start = names + name_offset
        yield table[start : table.index(b"\0", start)].decode(errors="replace"), following - entry


def _fields(table: bytes) -> tuple[int, int, int]:
    """The number of functions, where names begin, where the table of functions begins."""
    fields = _HEADER.unpack_from(table)
    count, names, functions = fields[5], fields[8], fields[12]
    return count, names, functions


def go_package(function: str) -> str:
    """`net/http.(*Server).Serve` → `net/http`; `%2e` is a dot of the path's last element."""
    for prefix in ("type:.eq.", "type:.hash."):
        function = function.removeprefix(prefix)
    path = function.partition("[")[0].partition("(")[0]
    folder, slash, last = path.rpartition("/")
    return unquote(f"{folder}{slash}{last.partition('.')[0]}") or "(generated)"
