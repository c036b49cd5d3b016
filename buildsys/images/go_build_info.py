"""The modules of a Go program, as its linker wrote them down.

Format: Go source, debug/buildinfo and runtime/debug/mod.go. Since Go 1.18 the header, 32 bytes, is followed by
two strings behind their lengths: Go's version, and the modules between two marks of 16 bytes.
"""

from collections.abc import Iterator

from buildsys.model.components import Component, Ecosystem

_MAGIC = b"\xff Go buildinf:"
_HEADER = 32
_INLINE = 2
_MARK = 16
STANDARD = "stdlib"
"""What vulnerability databases call the standard library."""


def go_components(program: bytes) -> tuple[Component, ...]:
    """The standard library and the modules with packages in the program; empty if it doesn't say."""
    start = _header(program)
    if start < 0:
        return ()
    try:
        version, then = _text(program, start + _HEADER)
        modules, _ = _text(program, then)
        lines = modules[_MARK:-_MARK].decode().splitlines()
        name = version.decode().partition(" ")[0].removeprefix("go")
    except (IndexError, UnicodeDecodeError):
        return ()
    return (Component(Ecosystem.GO, STANDARD, name), *_modules(lines))


def _header(program: bytes) -> int:
    # The magic number is in each program that reads build info as well: there it isn't aligned, or not inline.
    start = program.find(_MAGIC)
    while start >= 0:
        flags = program[start + len(_MAGIC) + 1 : start + len(_MAGIC) + 2]
        if start % 16 == 0 and flags and flags[0] & _INLINE:
            return start
        start = program.find(_MAGIC, start + 1)
    return -1


def _text(program: bytes, at: int) -> tuple[bytes, int]:
    """A string behind its length (unsigned varint), and where it ends."""
    length = shift = 0
    while True:
        byte = program[at]
        at += 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:  # noqa: PLR2004 - the last byte of a varint
            return program[at : at + length], at + length


def _modules(lines: list[str]) -> Iterator[Component]:
    """`dep PATH VERSION SUM`; a line `=> PATH VERSION SUM` after it says what took its place."""
    for number, line in enumerate(lines):
        kind, *fields = line.split("\t")
        if kind != "dep":
            continue
        after = lines[number + 1].split("\t") if number + 1 < len(lines) else [""]
        path, version, sum_ = (*(after[1:] if after[0] == "=>" else fields), "", "")[:3]
        # A module of a folder has no version and no archive: it is part of the workspace.
        if version and sum_:
            yield Component(Ecosystem.GO, path, version, sum=sum_, origin=_archive(path, version))


def _archive(path: str, version: str) -> str:
    return f"https://proxy.golang.org/{_escaped(path)}/@v/{_escaped(version)}.zip"


def _escaped(text: str) -> str:
    """Module paths on case-insensitive disks (golang.org/ref/mod, GOPROXY protocol)."""
    return "".join(f"!{char.lower()}" if char.isupper() else char for char in text)
