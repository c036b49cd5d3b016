"""What compilers and tests complain of, found in what they wrote: messages with file and line.

Known are Go, C and whoever else writes `file:line:column: message`, rustc and Rust's panics, Python's
tracebacks, pytest, and `go test`. A place counts only in files that went in: those of libraries, and generated
ones, help nobody.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

_PATH = r"(?P<path>[\w@+][\w./@+-]*\.\w{1,5})"
_COMPILER = re.compile(
    rf"^{_PATH}:(?P<line>\d+):(?:(?P<column>\d+):)? "
    r"(?!warning:|note:)(?:fatal error: |error: )?(?P<message>\S.*)$",
    re.MULTILINE,
)
_RUST = re.compile(
    rf"^error(?:\[\w+\])?: (?P<message>.+)\n(?:.*\n){{0,2}}? *--> {_PATH}:(?P<line>\d+):(?P<column>\d+)$",
    re.MULTILINE,
)
_PANIC = re.compile(
    rf"^thread '.*' (?:\(\d+\) )?panicked at {_PATH}:(?P<line>\d+):(?P<column>\d+):\n"
    r"(?P<message>(?:(?!note: ).+\n?)+)",
    re.MULTILINE,
)
_PYTEST = re.compile(rf"^{_PATH}:(?P<line>\d+): (?P<kind>[A-Za-z_][\w.]*)$", re.MULTILINE)
_PYTEST_SAYS = re.compile(r"^E   (.*)$", re.MULTILINE)
_RAISED = re.compile(
    r"^(?:E +)?(?P<message>(?:\w+\.)*[A-Z]\w*(?:Error|Exception|Interrupt)\b.*)$", re.MULTILINE
)
_FRAME = re.compile(rf'^(?:E +)? *File "{_PATH}", line (?P<line>\d+)', re.MULTILINE)
_GO_TEST = re.compile(rf"^ +{_PATH}:(?P<line>\d+): (?P<message>.+)$", re.MULTILINE)
_GO_PACKAGE = re.compile(r"^FAIL\t(?P<package>\S+)", re.MULTILINE)
_LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Problem:
    """A message, and the place in the workspace that it speaks of; line 0 is unknown."""

    message: str
    path: str = ""
    line: int = 0
    column: int = 0


_Found = Iterator[tuple[int, Problem]]


def problems_in(text: str, files: Collection[str]) -> tuple[Problem, ...]:
    """In the order of the text, each once; `files` are the input files of the step that wrote it."""
    known = frozenset(files)
    readers = (_compilers, _pytest, _tracebacks, _go_tests)
    found = sorted((one for read in readers for one in read(text, known)), key=lambda one: one[0])
    return tuple(dict.fromkeys(problem for _, problem in found if problem.path in known))


def _compilers(text: str, _files: frozenset[str]) -> _Found:
    for form in (_COMPILER, _RUST, _PANIC):
        for one in form.finditer(text):
            message = one["message"].strip()
            # pytest's own form of a place, which says more elsewhere.
            if form is not _COMPILER or one["column"] or not _PYTEST.fullmatch(one[0]):
                yield one.start(), _problem(message, one["path"], one["line"], one["column"])


def _pytest(text: str, _files: frozenset[str]) -> _Found:
    start = 0
    for one in _PYTEST.finditer(text):
        said = _PYTEST_SAYS.findall(text, start, one.start())
        start = one.end()
        yield one.start(), _problem("\n".join(said) or one["kind"], one["path"], one["line"])


def _tracebacks(text: str, files: frozenset[str]) -> _Found:
    """The innermost frame in a file of the workspace."""
    start = 0
    for one in _RAISED.finditer(text):
        frames = [f for f in _FRAME.finditer(text, start, one.start()) if f["path"] in files]
        start = one.end()
        if frames:
            yield one.start(), _problem(one["message"], frames[-1]["path"], frames[-1]["line"])


def _go_tests(text: str, files: frozenset[str]) -> _Found:
    """`go test` names files without their folder; the package stands below its tests."""
    packages = list(_GO_PACKAGE.finditer(text))
    for one in _GO_TEST.finditer(text):
        path, line, message = one["path"], one["line"], one["message"]
        if path not in files:
            package = next((p["package"] for p in packages if p.start() > one.end()), "")
            path = _in_package(path, package, files)
        yield one.start(), _problem(message, path, line)


def _in_package(name: str, package: str, files: frozenset[str]) -> str:
    """The file of that name whose folder is the longest end of the package's import path."""
    fitting = [
        path
        for path in files
        if path.endswith(f"/{name}") and f"/{package}".endswith(f"/{path.rpartition('/')[0]}")
    ]
    return max(fitting, key=len, default="")


def _problem(message: str, path: str, line: str, column: str | None = None) -> Problem:
    return Problem(message.strip()[:_LONGEST], path, int(line), int(column or 0))
