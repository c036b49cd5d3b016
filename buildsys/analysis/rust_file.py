"""The files that a Rust source pulls in by name, wherever they are: `include_str!`, `#[path]`."""

import re
from typing import TypedDict

_LITERAL = r'(?:r(#*))?"((?:\\.|[^"\\])*)"'
_INCLUDE = re.compile(rf"\binclude(?:_str|_bytes)?\s*!\s*[(\[{{]\s*{_LITERAL}")
_FROM_CRATE = re.compile(
    r"\binclude(?:_str|_bytes)?\s*!\s*[(\[{]\s*concat\s*!\s*[(\[{]\s*"
    rf'env\s*!\s*[(\[{{]\s*"CARGO_MANIFEST_DIR"\s*[)\]}}]\s*,\s*{_LITERAL}'
)
_PATH = re.compile(rf"#\s*\[[^\[\]]*?\bpath\s*=\s*{_LITERAL}")


class RustFacts(TypedDict):
    """Paths as written; those in comments count too, it does no harm."""

    beside: list[str]
    """Relative to the file."""
    from_crate: list[str]
    """Relative to the crate."""


class RustFileReader:
    """Reads `.rs` files."""

    name = "rust-file/1"

    def read(self, text: str) -> RustFacts:
        found = [*_INCLUDE.finditer(text), *_PATH.finditer(text)]
        return {
            "beside": sorted({match[2] for match in found}),
            "from_crate": sorted({match[2].lstrip("/") for match in _FROM_CRATE.finditer(text)}),
        }
