"""What a Python service is made of, over small workspaces."""

from collections.abc import Callable

import pytest

from buildsys.analysis.python_file import PythonFileReader
from buildsys.analysis.python_sources import python_sources
from buildsys.model.sources import PythonSources
from tests.fake_tree import DictTree

SHARED = {
    "shared/__init__.py": "",
    "shared/data.json": "",
    "shared/templates/mail/a.html": "",
    "shared/log.py": "",
    "shared/net/__init__.py": "from . import wire\n",
    "shared/net/wire.py": "from ..log import x\nfrom .deep.er import y\n",
    "shared/net/schema.sql": "",
    "shared/net/deep/er.py": "",
    "shared/unused/__init__.py": "",
    "shared/unused/big.bin": "",
    "space/one/a.py": "",
    "space/one/b.txt": "",
    "space/one/deeper/c.txt": "",
    "space/two/d.go": "",
    "top.py": "",
    "top.txt": "",
}


def analyse(
    files: dict[str, str], package: str = "svc", exclude: Callable[[str], bool] = lambda _: False
) -> PythonSources:
    return python_sources(DictTree(files), package, exclude=exclude)


def imported(statement: str) -> set[str]:
    """What a service of one file has besides that."""
    return set(analyse({**SHARED, "svc/main.py": statement}).files) - {"svc/main.py"}


def imports(text: str) -> list[tuple[str, int, list[str]]]:
    return PythonFileReader().read(text)["imports"]


def test_the_files_of_the_package_count_without_those_of_packages_inside() -> None:
    found = analyse(
        {
            "svc/BUILD.yaml": "",
            "svc/requirements.txt": "-r extra.txt",
            "svc/extra.txt": "",
            "svc/main.py": "",
            "svc/static/a.css": "",
            "svc/notes.md": "",
            "svc/__pycache__/main.cpython-311.pyc": "",
            "svc/inner/BUILD.yaml": "",
            "svc/inner/x.py": "",
            "elsewhere.py": "",
        },
        exclude=lambda path: path.endswith(".md"),
    )
    assert found == PythonSources(
        package="svc",
        requirements=(("svc/requirements.txt", "-r extra.txt\n"), ("svc/extra.txt", "")),
        files=("svc/main.py", "svc/static/a.css"),
    )


LOG = {"shared/__init__.py", "shared/data.json", "shared/templates/mail/a.html", "shared/log.py"}
NET = {
    "shared/net/__init__.py",
    "shared/net/wire.py",
    "shared/net/schema.sql",
    "shared/net/deep/er.py",
} | LOG


@pytest.mark.parametrize(
    ("statement", "files"),
    [
        ("import shared.log", LOG),
        ("import shared.log as l, os.path", LOG),
        ("from shared import log", LOG),
        ("from shared.log import anything", LOG),
        ("import shared", LOG - {"shared/log.py"}),
        ("from shared import VERSION", LOG - {"shared/log.py"}),
        ("import shared.net", NET),
        ("def f():\n    try:\n        import shared.log\n    except ImportError: pass", LOG),
        ("if TYPE_CHECKING:\n    import shared.log", LOG),
        ("import importlib\nimportlib.import_module('shared.log')", LOG),
        ("__import__('shared.log')", LOG),
        ("import space.one.a", {"space/one/a.py", "space/one/b.txt"}),
        ("from space.one import a", {"space/one/a.py", "space/one/b.txt"}),
        ("from space import one", set()),
        ("import top", {"top.py"}),
        ("import top.nothing", {"top.py"}),
        ("import requests, shared_not", set()),
        ("'''\nimport shared\n'''", set()),
        ("from shared.net import *", NET),
        ("from .... import x", set()),
    ],
)
def test_imports_bring_their_files(statement: str, files: set[str]) -> None:
    assert imported(statement) == files


def test_the_package_folder_comes_before_the_workspace() -> None:
    files = {**SHARED, "svc/main.py": "import top\nimport lib.x", "svc/top.py": ""}
    files |= {"svc/lib/__init__.py": "", "svc/lib/x.py": "import top", "lib/x.py": ""}
    assert set(analyse(files).files) >= {"svc/top.py", "svc/lib/x.py"}


def test_an_imported_module_counts_even_if_it_is_refused_or_another_packages() -> None:
    files = {
        **SHARED,
        "svc/main.py": "import helper.x\nimport tests.fakes",
        "svc/tests/fakes.py": "",
        "svc/helper/BUILD.yaml": "",
        "svc/helper/__init__.py": "",
        "svc/helper/x.py": "",
        "svc/helper/x.txt": "",
    }
    found = analyse(files, exclude=lambda path: "/tests/" in path).files
    assert set(found) == {
        "svc/main.py", "svc/tests/fakes.py", "svc/helper/__init__.py", "svc/helper/x.py", "svc/helper/x.txt",
    }  # fmt: skip


def test_data_of_imported_packages_may_be_refused() -> None:
    files = {**SHARED, "svc/main.py": "import shared"}
    assert "shared/data.json" not in analyse(files, exclude=lambda p: p.endswith("json")).files


def test_a_program_in_the_workspace_folder_itself() -> None:
    found = analyse(
        {"main.py": "import lib", "lib.py": "", "cmd/x/BUILD.yaml": "", "cmd/x/y.py": ""}, ""
    )
    assert found.files == ("lib.py", "main.py")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import a.b, c as d", [("a.b", 0, []), ("c", 0, [])]),
        ("from . import a", [("", 1, ["a"])]),
        ("from ..a.b import (c as d,\n e)", [("a.b", 2, ["c", "e"])]),
        ("from a import *", [("a", 0, ["*"])]),
        ("import a; import a", [("a", 0, [])]),
        ("x = '\\d'\nimport a", [("a", 0, [])]),
        ("import_module('.a', package=__name__)", [("a", 1, [])]),
        ("import_module(name)", []),
        ("", []),
    ],
)
def test_the_reader_finds_statements(text: str, found: list[tuple[str, int, list[str]]]) -> None:
    assert imports(text) == found


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("import a.b, c as d", [("a.b", 0, []), ("c", 0, [])]),
        ("    import a  # why", [("a", 0, [])]),
        ("try: import a\nexcept E: pass", [("a", 0, [])]),
        ("from a.b import c as d, e", [("a.b", 0, ["c", "e"])]),
        ("from .. a import (\n  b, # first\n  c,\n)", [("a", 2, ["b", "c"])]),
        ("from . import a, \\\n    b", [("", 1, ["a", "b"])]),
        ("from a import *", [("a", 0, ["*"])]),
        ("lazy import a", [("a", 0, [])]),
    ],
)
def test_newer_syntax_is_read_by_its_looks(
    statement: str, found: list[tuple[str, int, list[str]]]
) -> None:
    newer = "type Pair[T] = tuple[T, T]\ntry:\n    pass\nexcept A, B:\n    pass\n"
    assert imports(f"{newer}{statement}\n") == found


@pytest.mark.parametrize("text", ["import a\n\0", "import a\nx = " + "(" * 500 + ")" * 500])
def test_what_the_parser_cannot_take_is_read_by_its_looks(text: str) -> None:
    assert imports(text) == [("a", 0, [])]
