"""Each check on an image that is well, and on one that isn't."""

from dataclasses import replace
from typing import Any

import pytest

from buildsys.images.contents import ImageFile
from buildsys.images.stored import StoredImage
from buildsys.model.action import ActionResult
from buildsys.model.check import Check, Finding, Verdict
from buildsys.model.digest import ImageDigest, digest_of
from buildsys.store.blobs import Blobs
from buildsys.verification.checks import QUESTIONS, problems
from buildsys.verification.difference import file_difference
from buildsys.verification.elf import Elf, read_elf
from buildsys.verification.subject import Subject
from buildsys.verification.verify import verify
from tests.targets import make_target

BINARY = "/usr/local/bin/api"
STATIC = Elf("", (), (), ())
CONFIG = {
    "User": "1000:1000",
    "Entrypoint": [BINARY],
    "Labels": {"org.opencontainers.image.title": "api"},
    "Healthcheck": {"Test": ["CMD", "api", "health"]},
}


def file(path: str, **fields: Any) -> ImageFile:
    known: dict[str, Any] = {
        "path": path, "layer": 1, "kind": "file", "mode": 0o755, "uid": 0, "gid": 0, "time": 0, "size": 1,
        "digest": digest_of(path.encode()),
    }  # fmt: skip
    return ImageFile(**known | fields)


def subject(
    *files: ImageFile, elf: Elf = STATIC, size: int = 10, waive: tuple[str, ...] = (), **config: Any
) -> Subject:
    image = StoredImage(
        Blobs("nowhere", lambda _: None), ActionResult(ImageDigest("sha256:1"), (), size)
    )
    return Subject(
        target=make_target("go_image", "//cmd/api", max_size=10, waive=waive),
        static=True,
        image=image,
        config=CONFIG | config,
        created="1980-01-01T00:00:00Z",
        files={f.path: f for f in (file(BINARY), *files)},
        programs={BINARY: elf},
        code_from=1,
        foreign={digest_of(b"/src/other.py"): "cmd/other/other.py"},
    )


@pytest.mark.parametrize("check", QUESTIONS)
def test_a_good_image_passes(check: Check) -> None:
    assert problems(check, subject()) == ()


BAD: dict[str, tuple[Check, Subject, str]] = {
    "no user": (Check.USER, subject(User=""), "runs as root, not as a numeric UID:GID"),
    "user by name": (Check.USER, subject(User="app"), "runs as `app`"),
    "root": (Check.USER, subject(User="0:0"), "runs as root (0:0)"),
    "group root": (Check.USER, subject(User="1000:0"), "runs as root"),
    "setuid": (Check.SETUID, subject(file("/bin/su", mode=0o4755)), "/bin/su has mode 4755"),
    "setgid": (Check.SETUID, subject(file("/bin/x", mode=0o2755)), "/bin/x has mode 2755"),
    "interpreter": (Check.STATIC, subject(elf=replace(STATIC, interpreter="/ld.so")), "needs /ld.so"),
    "library": (Check.STATIC, subject(elf=replace(STATIC, needed=("libc.so",))), "needs libc.so"),
    "script": (Check.STATIC, subject(Entrypoint=["/run.sh"]), "is no program in the image"),
    "symbols": (Check.STRIPPED, subject(elf=replace(STATIC, symbols=(".symtab",))), "has .symtab"),
    "paths": (Check.TRIMMED, subject(elf=replace(STATIC, folders=("/go/pkg/mod/",))), "/go/pkg/mod/"),
    "gcc": (Check.TOOLS, subject(file("/usr/bin/x86_64-linux-gnu-gcc-14")), "gcc-14 is there"),
    "go": (Check.TOOLS, subject(file("/usr/local/go/bin/go")), "/usr/local/go/bin/go is there"),
    "cc1": (Check.TOOLS, subject(file("/usr/libexec/gcc/x/14/cc1")), "cc1 is there"),
    "apt": (Check.CACHES, subject(file("/var/lib/apt/lists/x")), "/var/lib/apt/lists/x is there"),
    "pip": (Check.CACHES, subject(file("/root/.cache/pip/a")), "/root/.cache/pip/a is there"),
    "source": (Check.SOURCES, subject(file("/src/other.py")), "is cmd/other/other.py, which isn't"),
    "no title": (Check.LABELS, subject(Labels=None), "has no label org.opencontainers.image.title"),
    "revision": (
        Check.LABELS,
        subject(Labels={"org.opencontainers.image.title": "x", "org.opencontainers.image.revision": "1"}),
        "changes without the image",
    ),
    "commit": (
        Check.LABELS,
        subject(Labels={"org.opencontainers.image.title": "x", "built-from": "ab" * 20}),
        "looks like a commit",
    ),
    "created": (Check.LABELS, replace(subject(), created=""), "created at no time"),
    "size": (Check.SIZE, subject(size=12), "has 12 bytes, 2 more than max_size (10)"),
    "no check": (Check.HEALTH, subject(Healthcheck=None), "has no health check"),
    "check off": (Check.HEALTH, subject(Healthcheck={"Test": ["NONE"]}), "has no health check"),
}  # fmt: skip


@pytest.mark.parametrize(("check", "image", "said"), BAD.values(), ids=BAD.keys())
def test_a_bad_image_is_told_what_is_wrong(check: Check, image: Subject, said: str) -> None:
    (problem,) = problems(check, image)
    assert said in problem


@pytest.mark.parametrize(
    "path", ["/usr/bin/fold", "/bin/bgo", "/usr/share/go", "/usr/bin/gcc-doc.txt"]
)
def test_what_is_no_compiler(path: str) -> None:
    assert problems(Check.TOOLS, subject(file(path))) == ()


def test_what_lies_below_the_code_layer_is_not_its_fault() -> None:
    image = subject(file("/src/other.py", layer=0))
    assert problems(Check.SOURCES, image) == ()


def test_the_first_few_of_many_problems_are_told() -> None:
    found = problems(Check.SETUID, subject(*(file(f"/{n}", mode=0o4755) for n in range(9))))
    assert found[-1] == "and 4 more"
    assert len(found) == 6


def test_the_program_is_found_on_the_path() -> None:
    image = subject(Entrypoint=["api"], elf=replace(STATIC, interpreter="/ld.so"))
    assert problems(Check.STATIC, image)
    elsewhere = subject(Entrypoint=["api"], Env=["PATH=/opt"])
    assert problems(Check.STATIC, elsewhere) == ("its entrypoint is no program in the image",)


def findings(image: Subject, **trials: Any) -> dict[Check, Finding]:
    found = verify(image, trials.get("run"), trials.get("rebuild"))
    return {finding.check: finding for finding in found.findings}


def test_each_check_has_a_finding_in_the_order_of_the_list() -> None:
    assert list(findings(subject())) == list(Check)


def test_trials_are_asked_only_where_they_are_wanted() -> None:
    assert findings(subject())[Check.HEALTH].verdict is Verdict.NOT_ASKED
    assert findings(subject())[Check.REPRODUCIBLE].verdict is Verdict.NOT_ASKED
    wanted = findings(subject(), run=lambda _: (), rebuild=lambda _: ("x differs",))
    assert wanted[Check.HEALTH].verdict is Verdict.PASSED
    assert wanted[Check.REPRODUCIBLE] == Finding(Check.REPRODUCIBLE, Verdict.FAILED, ("x differs",))


def test_an_image_without_a_check_is_not_started() -> None:
    def run(_: Subject) -> tuple[str, ...]:
        raise AssertionError

    image = subject(Healthcheck=None)
    assert findings(image, run=run)[Check.HEALTH].problems == ("has no health check",)
    assert findings(image)[Check.HEALTH].verdict is Verdict.FAILED


def test_a_waived_check_stays_visible_and_fails_nothing() -> None:
    image = subject(file("/bin/su", mode=0o4755), waive=("setuid",))
    found = verify(image, None, None)
    assert not found.failed
    assert findings(image)[Check.SETUID] == Finding(
        Check.SETUID, Verdict.WAIVED, ("/bin/su has mode 4755",)
    )
    assert verify(replace(image, target=subject().target), None, None).failed


def test_what_was_not_promised_is_not_asked() -> None:
    image = replace(subject(elf=replace(STATIC, interpreter="/ld.so")), static=False)
    assert findings(image)[Check.STATIC].verdict is Verdict.NOT_ASKED


@pytest.mark.parametrize(
    "content", [b"", b"#!/bin/sh\n", b"\x7fELF", b"\x7fELF\x02\x01\x01" + b"\xff" * 90]
)
def test_what_is_no_readable_program_is_none(content: bytes) -> None:
    assert read_elf(content) is None


def test_the_first_file_that_differs_is_named() -> None:
    one = {f.path: f for f in (file("/a"), file("/b"))}
    assert file_difference(one, dict(one)) == ""
    assert file_difference(one, {"/a": file("/a")}) == "/b is only in the cached image"
    assert file_difference({"/a": file("/a")}, one) == "/b is only in the clean image"
    changed = one | {"/a": file("/a", digest=digest_of(b"other"), size=2), "/b": file("/b", mode=0)}
    assert file_difference(one, changed) == "/a has another content (1 bytes cached, 2 clean)"
    assert file_difference(one, one | {"/b": file("/b", time=7)}) == (
        "/b has another time (0 cached, 7 clean)"
    )
