"""What images say that they have: Go's build info, Python's metadata, lists of packages."""

from pathlib import Path

import pytest

from buildsys.images.components import image_components
from buildsys.images.go_build_info import go_components
from buildsys.model.components import Component, Ecosystem
from tests.unit.images.test_contents import image

MAGIC = b"\xff Go buildinf:"
MODULES = (
    "path\texample.com/m/cmd/api\nmod\texample.com/m\t(devel)\t\n"
    "dep\tgithub.com/Masterminds/semver\tv1.5.0\th1:semver=\n"
    "dep\texample.com/old\tv1.0.0\n=>\texample.com/new\tv1.2.0\th1:new=\n"
    "dep\texample.com/local\tv0.0.0\n=>\t./local\t(devel)\t\n"
    "build\t-compiler=gc\n"
)


def text(value: bytes) -> bytes:
    assert len(value) < 1 << 14
    return bytes([len(value) & 0x7F | 0x80, len(value) >> 7]) + value


def program(modules: str = MODULES, version: str = "go1.24.4 X:boringcrypto") -> bytes:
    """An ELF file as far as anybody looks here; the magic number is in its text as well."""
    header = MAGIC + b"\x08\x02" + bytes(16)
    found = b"\x7fELF" + bytes(44) + MAGIC + b"\x08\x00" + bytes(17) + header
    assert found.rindex(MAGIC) % 16 != 0
    found = found[: found.rindex(MAGIC)] + bytes(16 - found.rindex(MAGIC) % 16) + header
    return found + text(version.encode()) + text(bytes(16) + modules.encode() + bytes(16))


def test_a_go_program_names_its_modules_with_those_that_took_the_place_of_others() -> None:
    assert [(one.purl, one.sum) for one in go_components(program())] == [
        ("pkg:golang/stdlib@1.24.4", ""),
        ("pkg:golang/github.com/masterminds/semver@v1.5.0", "h1:semver="),
        ("pkg:golang/example.com/new@v1.2.0", "h1:new="),
    ]


def test_the_archive_of_a_module_is_where_the_proxy_has_it() -> None:
    assert go_components(program())[1].origin == (
        "https://proxy.golang.org/github.com/!masterminds/semver/@v/v1.5.0.zip"
    )


@pytest.mark.parametrize("content", [b"\x7fELF", program()[:120], bytes(16) + MAGIC])
def test_what_says_nothing_has_no_modules(content: bytes) -> None:
    assert go_components(content) == ()


METADATA = b"Metadata-Version: 2.4\nName: typing_extensions\nVersion: 4.16.0\nLicense-Expression: PSF-2.0\n"
STATUS = (
    b"Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.41-12\n"
    b"Description: C\n Version: 0\n\n"
    b"Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n"
)
APK = b"C:Q1x=\nP:musl\nV:1.2.5-r10\nA:x86_64\n\nP:busybox\nV:1.37\nA:x86_64\n\n"
SITE = "opt/venv/site-packages"


def test_every_kind_of_component_is_found_and_what_was_removed_is_not(tmp_path: Path) -> None:
    files = image(
        tmp_path,
        [
            ("var/lib/dpkg/status", STATUS),
            ("var/lib/dpkg/status.d/python3.13", b"Package: python3.13\nVersion: 3.13.5-2\n"),
            ("lib/apk/db/installed", APK),
            (f"{SITE}/old-1.dist-info/METADATA", b"Name: old\nVersion: 1\n"),
            (f"{SITE}/x-1.dist-info/METADATA", b"Name: x\nVersion: 1\n"),
        ],
        [
            ("api", program(modules="dep\ta.b/c\tv1\th1:c=\n")),
            (f"{SITE}/.wh.old-1.dist-info", b""),
            (f"{SITE}/x-1.dist-info/METADATA", b"Name: x\nVersion: 2\n\nVersion: 3\n"),
            (f"{SITE}/typing_extensions-4.16.0.dist-info/METADATA", METADATA),
        ],
    )  # fmt: skip
    assert [one.purl for one in image_components(files)] == [
        "pkg:apk/alpine/busybox@1.37?arch=x86_64",
        "pkg:apk/alpine/musl@1.2.5-r10?arch=x86_64",
        "pkg:deb/debian/libc6@2.41-12?arch=amd64",
        "pkg:deb/debian/python3.13@3.13.5-2",
        "pkg:golang/a.b/c@v1",
        "pkg:golang/stdlib@1.24.4",
        "pkg:pypi/typing-extensions@4.16.0",
        "pkg:pypi/x@2",
    ]


def test_a_licence_is_what_the_metadata_say_as_an_expression(tmp_path: Path) -> None:
    path = f"{SITE}/typing_extensions-4.16.0.dist-info/METADATA"
    found = image_components(image(tmp_path, [(path, METADATA)]))
    wanted = Component(Ecosystem.PYTHON, "typing_extensions", "4.16.0", licence="PSF-2.0")
    assert found == (wanted,)
