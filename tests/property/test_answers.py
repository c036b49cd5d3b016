"""After any edits, `bs status` says what a `bs` says that remembers nothing."""

import contextlib
import io
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from buildsys import answers
from buildsys.__main__ import answer
from buildsys.cli.run import run
from buildsys.execution.ports import ActionRecord
from buildsys.model.action import ActionResult
from buildsys.model.digest import ActionKey, ImageDigest
from buildsys.store.disk_store import DiskStore
from tests.clock import let_the_clock_tick

pytestmark = pytest.mark.slow

BROKEN = 2
FORMS = (("status", "--json", "--explain"), ("status",), ("status", "--exit-code", "all"))
DIGEST = "sha256:" + "1" * 64
FILES = {
    "BUILD.yaml": "workspace: w\nbases: {golang: {image: host/go:1}}\n",
    "bases.lock": f"golang host/go:1@{DIGEST}\n",
    "go.mod": "module example.com/w\n\ngo 1.24\n",
    "cmd/a/BUILD.yaml": "targets:\n  - {name: a, rule: go_image, base: scratch, port: 1}\n",
    "cmd/a/main.go": 'package main\n\nimport _ "example.com/w/common/c"\n\nfunc main() {}\n',
    "cmd/b/BUILD.yaml": "targets:\n  - {name: b, rule: go_image, base: scratch, port: 1}\n",
    "cmd/b/main.go": "package main\n\nfunc main() {}\n",
    "common/c/c.go": "package c\n",
    "README.md": "text\n",
}


def rewrite(root: Path, random: Random) -> None:
    file = any_file(root, random)
    file.write_text(file.read_text() + f"// {random.random()}\n")


def rewrite_unseen(root: Path, random: Random) -> None:
    """Same size, same mtime: only the ctime tells."""
    file = root / "common/c/c.go"
    if file.is_file():
        before = file.stat()
        file.write_text("package " + random.choice("cdefg") + file.read_text()[9:])
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def import_another(root: Path, random: Random) -> None:
    """What a reader sees."""
    file = root / random.choice(("cmd/a/main.go", "cmd/b/main.go"))
    name = random.choice(("example.com/w/common/c", "fmt", "os"))
    file.write_text(f'package main\n\nimport _ "{name}"\n\nfunc main() {{}}\n')


def add(root: Path, random: Random) -> None:
    folder = root / random.choice(("cmd/a", "cmd/b", "common/c", "cmd", ""))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"new{random.randrange(3)}.go").write_text("package c\n")


def remove(root: Path, random: Random) -> None:
    any_file(root, random).unlink()


def rename(root: Path, random: Random) -> None:
    file = any_file(root, random)
    file.rename(file.with_name("renamed" + file.suffix))


def change_mode(root: Path, random: Random) -> None:
    any_file(root, random).chmod(random.choice((0o644, 0o755)))


def link(root: Path, random: Random) -> None:
    file = any_file(root, random)
    file.unlink()
    file.symlink_to(root / random.choice(("README.md", "common/c/c.go", "nowhere")))


def rebase(root: Path, random: Random) -> None:
    digit = random.choice("123")
    (root / "bases.lock").write_text(f"golang host/go:1@sha256:{digit * 64}\n")


def build(root: Path, random: Random) -> None:
    """As another process would: a layer that was missing is stored."""
    store = store_of(root)
    keys = [
        layer["key"]
        for target in json.loads(asked(FORMS[0])[1] or '{"targets": []}')["targets"]
        for layer in target["layers"]
        if layer["key"]
    ]
    if keys:
        blob = store.blobs.add(random.randbytes(8))
        result = ActionResult(ImageDigest(blob.digest), (blob,), 8, 0.0)
        store.put(ActionRecord(ActionKey(random.choice(keys)), {}, result, {}))


def evict(root: Path, random: Random) -> None:
    folder = Path(store_of(root).layout)
    files = sorted(p for name in ("blobs", "records") for p in (folder / name).rglob("*"))
    files = [path for path in files if path.is_file()]
    if files:
        random.choice(files).unlink()


def store_of(root: Path) -> DiskStore:
    return DiskStore(str(root.parent / "cache" / "store"), "linux/amd64", lambda _: None)


def restore_one(root: Path, random: Random) -> None:
    restore(root, random.choice(sorted(FILES)))


def restore(root: Path, path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        (root / path).unlink()
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(FILES[path])


def start_over(root: Path) -> None:
    """What is refused says too little: leave it."""
    for path in root.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    for name in FILES:
        restore(root, name)


EDITS: tuple[Callable[[Path, Random], None], ...] = (
    rewrite, rewrite_unseen, add, remove, rename, change_mode, link, rebase, restore_one,
    build, build, evict,
)  # fmt: skip


def any_file(root: Path, random: Random) -> Path:
    files = [path for path in root.rglob("*") if path.is_file() and ".bs" not in path.parts]
    found = random.choice(sorted(files))
    if found.name == "BUILD.yaml" and found.parent == root:
        return root / "README.md" if (root / "README.md").is_file() else any_file(root, random)
    return found


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "checkout"
    for path, content in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    monkeypatch.chdir(root)
    monkeypatch.setenv("BS_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(answers, "RACY_NS", 0)
    return root


def asked(form: tuple[str, ...]) -> tuple[int, str]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
        code = run(list(form))
    return code, said.getvalue()


def by_memory(form: tuple[str, ...]) -> tuple[int, str] | None:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return answer(form)


def remembering(form: tuple[str, ...]) -> tuple[int, str]:
    """The answer by memory if there is one, as the command's entry point does it."""
    return by_memory(form) or asked(form)


def asked_without_memory(root: Path, form: tuple[str, ...]) -> tuple[int, str]:
    """The memory is put aside meanwhile, in a way that changes no folder that was looked at."""
    memory, aside = root / ".bs", root.parent / "aside"
    memory.mkdir(exist_ok=True)
    shutil.copytree(memory, aside)
    empty(memory)
    said = asked(form)
    empty(memory)
    shutil.copytree(aside, memory, dirs_exist_ok=True)
    shutil.rmtree(aside)
    return said


def empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


@pytest.mark.parametrize(
    ("form", "seed"),
    [(form, seed) for form, seeds in zip(FORMS, (10, 15, 3), strict=True) for seed in range(seeds)],
)
def test_what_is_remembered_is_what_would_be_said(
    checkout: Path, tmp_path: Path, form: tuple[str, ...], seed: int
) -> None:
    random = Random(seed)
    remembered = 0
    for _ in range(12):
        for _ in range(random.randrange(3)):
            random.choice(EDITS)(checkout, random)
        let_the_clock_tick(tmp_path)
        first = remembering(form)
        remembered += by_memory(form) is not None
        assert remembering(form) == first
        shutil.rmtree(checkout / ".bs", ignore_errors=True)
        let_the_clock_tick(tmp_path)
        assert asked(form) == first
        if first[0] == BROKEN:
            start_over(checkout)
    assert remembered > 0, "answers were remembered"


@pytest.mark.parametrize("seed", range(12))
def test_after_edits_of_contents_the_answer_is_what_would_be_said(
    checkout: Path, tmp_path: Path, seed: int
) -> None:
    """With the memory of before the edits, and many edits on top of one memory."""
    random, form = Random(seed), FORMS[1]
    for _ in range(random.randrange(4)):
        build(checkout, random)
    let_the_clock_tick(tmp_path)
    asked(form)
    edited = 0
    for _ in range(12):
        random.choice((rewrite, rewrite_unseen, rewrite, restore_one, import_another))(
            checkout, random
        )
        let_the_clock_tick(tmp_path)
        found = by_memory(form)
        edited += found is not None
        assert found in {None, asked_without_memory(checkout, form)}
        if found is None and asked(form)[0] == BROKEN:
            start_over(checkout)
    assert edited > 0, "edits were followed by memory"
