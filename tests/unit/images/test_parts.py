"""What layers are made of: every byte in one part, and each part with its right owner."""

from pathlib import Path

import pytest

from buildsys.images.distributions import Distributions
from buildsys.images.parts import layer_parts
from buildsys.images.programs import go_package, program_parts
from buildsys.images.stored import StoredImage
from buildsys.model.digest import Digest
from buildsys.model.label import Label
from buildsys.model.parts import Change, LayerParts, Part, changes
from buildsys.reporting.sizes import change_lines, image_lines, overview_lines
from tests.unit.store.support import Place, seal

SITE = "opt/venv/lib/python3.13/site-packages"
RECORD = "click/__init__.py,sha256=x,1\n../../../bin/click,,\nclick-8.1.dist-info/RECORD,,\n"


def test_files_belong_to_distributions_folders_or_themselves(tmp_path: Path) -> None:
    store = Place(str(tmp_path / "store")).store()
    files = {
        f"{SITE}/click/__init__.py": b"12345",
        f"{SITE}/click/__pycache__/__init__.cpython-313.pyc": b"123",
        f"{SITE}/click-8.1.dist-info/RECORD": RECORD.encode(),
        "opt/venv/bin/click": b"1",
        "opt/venv/bin/python": b"12",
        "usr/lib/python3.13/json/decoder.py": b"1234",
        "usr/lib/python3.13/re.py": b"1",
        "usr/lib/libx.so.1": b"\x7fELF not really",
        "etc/passwd": b"root",
    }
    (layer,) = layer_parts(StoredImage(store.blobs, seal(store, files)))
    found = {part.name: (part.size_bytes, part.files) for part in layer.parts}
    assert found == {
        "click 8.1": (9 + len(RECORD), 4),
        "/usr/lib/python3.13/": (5, 2),
        "/opt/venv/bin/": (2, 1),
        "/usr/lib/libx.so.1": (15, 1),
        "/etc/passwd": (4, 1),
    }
    assert layer.size_bytes == sum(map(len, files.values()))
    assert [part.size_bytes for part in layer.parts] == sorted(
        (part.size_bytes for part in layer.parts), reverse=True
    )


def test_what_no_record_names_belongs_to_nobody() -> None:
    known = Distributions()
    known.read("/a/b/x-1.0.dist-info/METADATA", b"x/__init__.py,,\n")
    known.read("/a/b/x-1.0.dist-info/RECORD", b'"x/a,b.py",,\n\nx/c.py,,\n')
    assert known.owner("/a/b/x/a,b.py") == "x 1.0"
    assert known.owner("/a/b/x/c.py") == "x 1.0"
    assert known.owner("/a/b/x/__init__.py") is None
    assert known.owner("/a/b/x/__pycache__/d.cpython-313.pyc") is None


@pytest.mark.parametrize(
    ("function", "package"),
    [
        ("main.main", "main"),
        ("net/http.(*Server).Serve", "net/http"),
        ("runtime.gcDrain", "runtime"),
        ("type:.eq.net/http.http2frameHeader", "net/http"),
        ("gopkg.in/yaml%2ev3.(*parser).parse", "gopkg.in/yaml.v3"),
        ("slices.SortFunc[go.shape.[]a/b.C,go.shape.struct { a/b.D }]", "slices"),
        ("example.com/m/v2.init.0", "example.com/m/v2"),
        ("_rt0_amd64_linux", "_rt0_amd64_linux"),
        ("", "(generated)"),
    ],
)
def test_the_package_of_a_function(function: str, package: str) -> None:
    assert go_package(function) == package


@pytest.mark.parametrize("content", [b"\x7fELF", b"\x7fELF" + b"\xff" * 99, b""])
def test_what_is_no_program_has_no_parts(content: bytes) -> None:
    assert program_parts(content) == {}


def layer(name: str, *parts: Part) -> LayerParts:
    return LayerParts(Digest(name), sum(part.size_bytes for part in parts), 1000, parts)


OLD = (layer("sha256:1", Part("a", 100, 1), Part("b", 50, 2)), layer("sha256:2", Part("c", 7, 1)))
NEW = (layer("sha256:1", Part("a", 100, 1), Part("b", 20, 2)), layer("sha256:3", Part("d", 500, 1)))


def test_changes_begin_with_the_largest() -> None:
    found = changes(OLD, NEW)
    assert found == (Change("d", None, 500), Change("b", 50, 20), Change("c", 7, None))
    assert change_lines(found, 2) == [
        "before  after  difference  part",
        "   new   500B       +500B  d",
        "   50B    20B        -30B  b",
        "                      -7B  (1 more)",
        "+463B in all",
    ]
    assert change_lines(changes(OLD, OLD), 9) == ["no part has another size"]


def test_an_image_is_shown_layer_by_layer() -> None:
    assert image_lines(Label.parse("//a"), [("x", OLD[0]), ("y", OLD[1])], 1) == [
        "//a 157B",
        "  layer 1, x: 150B, 1.0kB compressed",
        "    100B  67%  a",
        "     50B  33%  (1 more) (2 files)",
        "  layer 2, y: 7B, 1.0kB compressed",
        "    7B  100%  c",
    ]


def test_the_overview_counts_shared_layers_once() -> None:
    images = [(Label.parse("//a"), [("x", OLD[0])]), (Label.parse("//b"), [("x", OLD[0])])]
    lines = overview_lines(images)
    assert lines[-1] == "2 images: 300B, 150B with shared layers once"
    assert len(lines) == 4
