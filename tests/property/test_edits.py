"""After any edits, a checkout with all that it remembers has the keys of one that remembers nothing.

Scripts of edits run on two trees: a long-lived checkout whose `.bs` every command before has written into, and
its twin, which is read by a session without an index. Both run on, script after script, so that what is
remembered grows as old as the test. A failure is shrunk to the fewest edits that show it from the start.
"""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from buildsys import answers
from buildsys.cli.run import run
from buildsys.errors import BuildsysError
from buildsys.machine import Machine
from buildsys.reporting.sinks import Tee
from buildsys.rules.bases import BUILT_IN
from buildsys.wiring import Session
from buildsys.workspace import index
from buildsys.workspace.index import FileIndex

pytestmark = pytest.mark.slow

CHUNKS, SCRIPTS = 20, 100
ASKED = ("status", "all", "--json")
PIN = "sha256:" + "1" * 64
ROOT = "workspace: w\n"
CARGO = '[package]\nname = "{}"\nversion = "0.1.0"\nedition = "2021"\n'
DEPENDS = '\n[dependencies]\n{0} = {{ path = "../../common/{0}" }}\n'

FILES = {
    "BUILD.yaml": ROOT,
    "bases.lock": "".join(f"{base.name} {base.image}@{PIN}\n" for base in BUILT_IN),
    "go.mod": "module example.com/w\n\ngo 1.24\n",
    "cmd/g/BUILD.yaml": "targets: [{name: g, rule: go_image, base: scratch, port: 1}]\n",
    "cmd/g/main.go": 'package main\n\nimport _ "example.com/w/common/a"\n\nfunc main() {}\n',
    "cmd/g/page.txt": "a page\n",
    "common/a/a.go": "package a\n",
    "common/a/a_test.go": "package a\n",
    "common/b/b.go": "package b\n",
    "cmd/p/BUILD.yaml": "targets: [{name: p, rule: python_image, module: p, port: 1}]\n",
    "cmd/p/requirements.txt": "uvicorn==1\n",
    "cmd/p/p.py": "import os\n",
    "common/lib/__init__.py": "",
    "common/lib/l.py": "x = 1\n",
    "cmd/r/BUILD.yaml": "targets: [{name: r, rule: rust_image, base: scratch}]\n",
    "cmd/r/Cargo.toml": CARGO.format("r") + DEPENDS.format("c"),
    "cmd/r/Cargo.lock": "version = 4\n",
    "cmd/r/src/main.rs": "fn main() {}\n",
    "common/c/Cargo.toml": CARGO.format("c"),
    "common/c/src/lib.rs": "pub fn c() {}\n",
    "common/d/Cargo.toml": CARGO.format("d"),
    "common/d/src/lib.rs": "pub fn d() {}\n",
    "README.md": "text\n",
}
NEW = (
    *("cmd/g/new.go", "cmd/g/x_windows.go", "common/a/new.go", "common/n/n.go", "cmd/p/new.py"),
    *("cmd/p/sub/__init__.py", "common/lib/new.py", "cmd/r/src/bin/two.rs", "cmd/r/build.rs"),
    *("cmd/g/sub/BUILD.yaml", "common/a/go.mod", "go.sum", "cmd/r/.cargo/config.toml"),
)
FOLDERS = ("cmd/g", "cmd/p", "cmd/r", "common/a", "common/b", "common/n", "common/lib", "common/c")
GO = 'package main\n\nimport _ "example.com/w/common/{}"\n\nfunc main() {{}}\n'
TEXTS: dict[str, tuple[str, ...]] = {
    ".go": (
        *(GO.format("a"), GO.format("b"), GO.format("n"), GO.format("a/sub")),
        *("package main\n\nfunc main() {}\n", "package a\n", "package z\n", "package"),
        *("//go:build windows\n\npackage a\n", "//go:build linux\n\npackage a\n"),
        'package main\n\nimport _ "embed"\n\n//go:embed page.txt\nvar p string\n\nfunc main() {}\n',
        'package a\n\nimport _ "example.com/w/common/b"\nimport _ "example.com/x/y"\n',
    ),
    ".py": (
        *(
            "import os\n",
            "import common.lib.l\n",
            "from common.lib import l\n",
            "import common.lib\n",
        ),
        *("x = 1\n", "x = 2\n", "def\n", "from . import new\n", ""),
    ),
    ".rs": (
        *("fn main() {}\n", "fn main() { }\n", "mod two;\nfn main() {}\n", "pub fn c() {}\n"),
        'const P: &str = include_str!("../page.txt");\nfn main() {}\n',
    ),
    "Cargo.toml": (
        *(CARGO.format("r"), CARGO.format("c"), "[package]\n", "["),
        *(CARGO.format("r") + DEPENDS.format(name) for name in "cdz"),
        CARGO.format("c") + DEPENDS.format("d"),
        CARGO.format("r").replace("0.1.0", "0.2.0") + DEPENDS.format("c"),
    ),
    "go.mod": (
        *(FILES["go.mod"], "module example.com/w\n\ngo 1.23\n", "module example.com/v\n"),
        FILES["go.mod"] + "\nrequire example.com/x/y v1.0.0\n",
        FILES["go.mod"] + "\nreplace example.com/x => ./common/b\n",
    ),
    ".txt": ("uvicorn==1\n", "uvicorn==2\n", "# none\n", "-r more.txt\n", "a page\n"),
    ".lock": (
        FILES["bases.lock"],
        FILES["bases.lock"].replace("1" * 64, "2" * 64),
        "version = 4\n",
        "",
    ),
}
PACKAGES = {
    "BUILD.yaml": (
        *(ROOT, ROOT + "exclude: [common/b]\n", ROOT + "defaults: {go_image: {port: 7}}\n"),
        *(ROOT + f"bases: {{rust: {{image: h/rs:{tag}}}}}\n" for tag in "12"),
    ),
    "cmd/g/BUILD.yaml": (
        *(FILES["cmd/g/BUILD.yaml"], FILES["cmd/g/BUILD.yaml"].replace("port: 1", "port: 2")),
        *("targets: []\n", "targets:\n  - {name: g, rule: python_image}\n", "targets: [", ""),
        "targets:\n  - {name: g, rule: go_image, base: scratch, deps: [//cmd/p]}\n",
    ),
    "cmd/p/BUILD.yaml": (
        *(FILES["cmd/p/BUILD.yaml"], FILES["cmd/p/BUILD.yaml"].replace("port: 1", "port: 2")),
        "targets:\n  - {name: p, rule: python_image, module: p, test_data: ['new.*']}\n",
    ),
    "cmd/r/BUILD.yaml": (
        FILES["cmd/r/BUILD.yaml"],
        "targets:\n  - {name: r, rule: rust_image, base: scratch, port: 3}\n",
    ),
}


# --- edits ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Edit:
    """One change; what it can't be made of, it leaves alone."""

    kind: str
    path: str = ""
    other: str = ""
    text: str = ""

    def on(self, root: Path) -> None:
        with contextlib.suppress(OSError):
            KINDS[self.kind](root / self.path, root / self.other, self.text)


def write(path: Path, _other: Path, text: str) -> None:
    """As an editor does that writes into the file, or through the link."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def replace(path: Path, _other: Path, text: str) -> None:
    """As an editor does that writes another file and puts it in the place: another inode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name("beside")
    beside.write_text(text)
    beside.replace(path)


def rewrite(path: Path, _other: Path, text: str) -> None:
    """Of the same size."""
    before = path.read_text()
    if before:
        at = len(text) % len(before)
        letter = "a" if before[at] != "a" else "b"
        path.write_text(before[:at] + letter + before[at + 1 :])


def rewrite_unseen(path: Path, other: Path, text: str) -> None:
    """Of the same size, and its time set back: only the ctime tells."""
    before = path.stat()
    rewrite(path, other, text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace_unseen(path: Path, other: Path, text: str) -> None:
    """Another inode with the old time."""
    before = path.stat()
    replace(path, other, text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def rename(path: Path, other: Path, _text: str) -> None:
    other.parent.mkdir(parents=True, exist_ok=True)
    path.rename(other)


def swap(path: Path, other: Path, _text: str) -> None:
    """Files or folders; what is in folders keeps all of its stat."""
    between = path.with_name("between")
    path.rename(between)
    try:
        other.rename(path)
    finally:
        between.rename(other if not other.exists() else path)


def delete(path: Path, _other: Path, _text: str) -> None:
    path.unlink()


def delete_folder(path: Path, _other: Path, _text: str) -> None:
    shutil.rmtree(path)


def chmod(path: Path, _other: Path, _text: str) -> None:
    path.chmod(path.stat().st_mode ^ 0o111)


def link(path: Path, other: Path, _text: str) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(os.path.relpath(other, path.parent))


def touch(path: Path, _other: Path, _text: str) -> None:
    path.touch()


def restore(root: Path, _other: Path, _text: str) -> None:
    """Take all edits back."""
    for name in list_of(root):
        if name not in FILES:
            (root / name).unlink()
    for name, text in FILES.items():
        file = root / name
        if file.is_dir() and not file.is_symlink():
            shutil.rmtree(file)
        if file.is_symlink() or not file.is_file() or file.read_text() != text:
            replace(file, file, text)


def list_of(root: Path) -> list[str]:
    found: list[str] = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name != ".bs"]
        # A link to a folder is listed as one, and is a file to a tree.
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        found += [os.path.relpath(os.path.join(folder, name), root) for name in (*names, *links)]
    return found


KINDS: dict[str, Callable[[Path, Path, str], None]] = {
    function.__name__: function
    for function in (
        write, replace, rewrite, rewrite_unseen, replace_unseen, rename, swap, delete, delete_folder,
        chmod, link, touch, restore,
    )
}  # fmt: skip
OFTEN = (
    *("write", "replace", "build_file", "rewrite", "rewrite_unseen", "replace_unseen") * 2,
    *("rename", "swap", "delete", "chmod", "link", "touch", "delete_folder", "folders"),
)


def any_edit(random: Random, last: Edit) -> Edit:
    """Often of what the last edit was of, too."""
    kind = random.choice(OFTEN)
    files = (*FILES, *NEW)
    near = [path for path in (last.path, last.other) if path in files]
    path = random.choice(near if near and random.random() < 0.3 else files)
    other = random.choice(files)
    if kind == "build_file":
        path = random.choice(list(PACKAGES))
        return Edit("write", path, text=random.choice(PACKAGES[path]))
    if kind == "folders":
        return Edit("swap", random.choice(FOLDERS), random.choice(FOLDERS))
    if kind == "delete_folder":
        return Edit(kind, random.choice(FOLDERS))
    if kind in {"rename", "link", "swap"} and random.random() < 0.7:
        other = random.choice([name for name in files if name.endswith(Path(path).suffix)])
    return Edit(kind, path, other, random.choice(texts_for(path)))


def texts_for(path: str) -> Sequence[str]:
    if path.endswith("BUILD.yaml"):
        return PACKAGES.get(path, PACKAGES["cmd/g/BUILD.yaml"])
    return next((found for ending, found in TEXTS.items() if path.endswith(ending)), ("text\n",))


# --- what is compared -----------------------------------------------------------------------------

Outcome = dict[str, str] | str
"""Target and layer → key; or what is refused."""


def keys_of(session: Session) -> Outcome:
    try:
        targets = session.keyed(session.select(("all",)), session.bases())
    except BuildsysError as error:
        return f"{type(error).__name__}: {error}".replace(session.start, "ROOT")
    return {
        f"{target.label} {layer.action.layer}": layer.key
        for target in targets
        for layer in target.layers
    }


@dataclass
class Trees:
    """The checkout, and its twin beside it."""

    folder: Path
    compared: int = 0
    refused: int = 0
    changed: int = 0
    by_memory: int = 0
    last: Outcome = ""
    made: list[Edit] = field(default_factory=list)

    def __post_init__(self) -> None:
        for root in (self.checkout, self.twin):
            shutil.rmtree(root, ignore_errors=True)
            root.mkdir(parents=True)
        self.edit(Edit("restore"))

    @property
    def checkout(self) -> Path:
        return self.folder / "checkout"

    @property
    def twin(self) -> Path:
        return self.folder / "twin"

    def edit(self, edit: Edit) -> None:
        self.made.append(edit)
        edit.on(self.checkout)
        edit.on(self.twin)

    def session(self, root: Path) -> Session:
        cache = str(self.folder / "cache")
        return Session(Machine({"BS_CACHE_DIR": cache}, Tee()), str(root))

    def differ(self) -> str:
        """How what is remembered and what is true differ; "" if they don't."""
        fresh = self.session(self.twin)
        fresh.index = FileIndex("")
        wanted = keys_of(fresh)
        assert not (self.twin / ".bs").exists(), "the twin remembers nothing"
        found = keys_of(self.session(self.checkout))
        self.compared += 1
        self.refused += isinstance(wanted, str)
        self.changed += wanted != self.last
        self.last = wanted
        return "" if found == wanted else f"{found}\ninstead of {wanted}"

    def answers_differ(self) -> str:
        """The same of the answers of a command, by memory where there is one."""
        with working_in(self.checkout):
            said = [asked(), asked()]
            self.by_memory += answers.recall(ASKED) is not None
        wanted = self.last
        for code, text in said:
            found: Outcome = (
                wanted
                if code == 2 and isinstance(wanted, str)
                else {
                    f"{target['label']} {layer['name']}": layer["key"]
                    for target in json.loads(text)["targets"]
                    for layer in target["layers"]
                    if layer["key"]
                }
            )
            if found != wanted:
                return f"answered: {found}\ninstead of {wanted}"
        return ""


def asked() -> tuple[int, str]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
        known = answers.recall(ASKED)
        return known or (run(list(ASKED)), said.getvalue())


@contextlib.contextmanager
def working_in(folder: Path) -> Iterator[None]:
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def shrunk(folder: Path, edits: list[Edit]) -> list[Edit]:
    """The fewest of the edits that make a difference from the start, by leaving out ever smaller parts."""
    part = len(edits) // 2
    while part:
        for begin in range(0, len(edits), part):
            fewer = edits[:begin] + edits[begin + part :]
            if fails(folder, fewer):
                edits = fewer
                break
        else:
            part //= 2
    return edits


def fails(folder: Path, edits: list[Edit]) -> bool:
    trees = Trees(folder)
    for edit in edits:
        if trees.differ() or trees.answers_differ():
            return True
        trees.edit(edit)
    return bool(trees.differ() or trees.answers_differ())


# --- the law --------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BS_CACHE_DIR", str(tmp_path / "cache"))
    # Files needn't be two seconds old before they are trusted, only older than what is looked at now.
    monkeypatch.setattr(answers, "RACY_NS", 1)
    monkeypatch.setattr(index, "RACY_NS", 1)


def compare(trees: Trees, *, asking: bool) -> None:
    """Fail if what is remembered is not what is; with `asking`, also what commands remember to have said."""
    difference = trees.differ() or (trees.answers_differ() if asking else "")
    if difference:
        edits = shrunk(trees.folder.with_name("shrunk"), trees.made)
        pytest.fail(f"{difference}\nafter\n" + "\n".join(map(str, edits)))


@pytest.mark.parametrize("seed", range(CHUNKS))
def test_keys_are_those_of_a_checkout_that_remembers_nothing(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    trees = Trees(tmp_path / "trees")
    for _ in range(SCRIPTS):
        asking = random.random() < 0.08
        if isinstance(trees.last, str) or random.random() < 0.3:
            trees.edit(Edit("restore"))
        if asking:
            compare(trees, asking=True)
        for _ in range(random.choice((1, 1, 2))):
            trees.edit(any_edit(random, trees.made[-1]))
            compare(trees, asking=asking)
    assert trees.refused < trees.compared / 2, "most checkouts can be built"
    assert trees.changed > trees.compared / 3, "edits matter"
    assert trees.by_memory > 0, "answers are remembered"
    kept = FileIndex.load(str(trees.checkout / ".bs" / "index"))
    assert len(kept._rows) > len(FILES) / 2, "digests are remembered"


@pytest.mark.parametrize("seed", range(3))
def test_another_process_that_remembers_nothing_has_the_same_keys(
    tmp_path: Path, seed: int
) -> None:
    random = Random(f"process {seed}")
    trees = Trees(tmp_path / "trees")
    while isinstance(trees.last, str) or len(trees.made) < 9:
        if isinstance(trees.last, str):
            trees.edit(Edit("restore"))
        trees.edit(any_edit(random, trees.made[-1]))
        assert trees.differ() == ""
    documents = [
        subprocess.run(
            [sys.executable, "-m", "buildsys", *ASKED],
            cwd=root,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for root in (trees.checkout, trees.twin)
    ]
    assert documents[0] == documents[1]
    assert trees.answers_differ() == ""
