"""The imports of a Python file: statements anywhere in it, and calls with a literal module name."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias, TypedDict

if TYPE_CHECKING:
    import ast

Import: TypeAlias = tuple[str, int, list[str]]
"""Module, how many dots before it, and the names taken from it (`*` for all)."""


class PythonFacts(TypedDict):
    """What is remembered of a Python file."""

    imports: list[Import]


class PythonFileReader:
    """Reads `.py` files; those in a newer Python's syntax too, if less exactly."""

    name = "python-file/1"

    def read(self, text: str) -> PythonFacts:
        return {"imports": sorted(_unique(_parsed(text)))}


def _unique(imports: Iterator[Import]) -> list[Import]:
    known = {(module, level, tuple(names)) for module, level, names in imports}
    return [(module, level, list(names)) for module, level, names in known]


def _parsed(text: str) -> Iterator[Import]:
    if "import" not in text:
        return
    # Only the first reading of a file needs the parser.
    import ast  # noqa: PLC0415
    import warnings  # noqa: PLC0415

    try:
        with warnings.catch_warnings():
            # What the parser thinks of escapes in strings is for the authors of the file.
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    # Syntax of a Python newer than ours isn't an error of the file's.
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        yield from _by_lines(text)
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, 0, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", node.level, sorted(alias.name for alias in node.names)
        elif isinstance(node, ast.Call) and _imports_by_name(node.func):
            match node.args:
                case [ast.Constant(value=str(module)), *_]:
                    yield _dotted(module, [])
                case _:
                    pass


def _imports_by_name(function: "ast.expr") -> bool:
    name = getattr(function, "attr", None) or getattr(function, "id", None)
    return name in {"import_module", "__import__"}


def _dotted(module: str, names: list[str]) -> Import:
    bare = module.lstrip(".")
    return bare, len(module) - len(bare), names


_MODULE = r"[\w.]+(?:[ \t]+as[ \t]+\w+)?"
_STATEMENT = re.compile(
    r"^[ \t]*(?:.*[:;][ \t]*)?(?:lazy[ \t]+)?"
    rf"(?:import[ \t]+(?P<modules>{_MODULE}(?:[ \t]*,[ \t]*{_MODULE})*)"
    r"|from[ \t]+(?P<module>\.*[ \t]*[\w.]*)[ \t]+"
    r"import[ \t]*(?P<names>\([^)]*\)|(?:\\\n|[^\n#;])*))",
    re.MULTILINE,
)


def _by_lines(text: str) -> Iterator[Import]:
    """Imports by their looks; one inside a string counts too, it does no harm."""
    for found in _STATEMENT.finditer(text):
        if found["modules"]:
            for part in found["modules"].split(","):
                yield part.split()[0], 0, []
        else:
            names = re.sub(r"#[^\n]*|[()\\]", " ", found["names"]).split(",")
            yield _dotted(
                found["module"].replace(" ", ""), sorted(n.split()[0] for n in names if n.strip())
            )
