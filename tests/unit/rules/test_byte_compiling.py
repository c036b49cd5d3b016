"""What byte-compiles the sources of Python images, run by this Python: as `compileall` would do it."""

import marshal
import subprocess
import sys
from pathlib import Path
from types import CodeType

from buildsys.rules.image import OUTPUT
from buildsys.rules.python_image import BYTE_COMPILE_SOURCES

FILES = {
    "app/__init__.py": "",
    "app/main.py": 'NAME = "é"\n\ndef f(x: int = 3) -> "str":\n    return f"{x!r} {NAME}"\n',
    "app/latin.py": "# -*- coding: latin-1 -*-\nNAME = 'plain'\n",
    "app/deep/er/module.py": "from __future__ import annotations\n\nclass A:\n    x: int = 1\n",
    "app/data.txt": "def\n",
}


def written(root: Path) -> Path:
    for path, text in FILES.items():
        file = root / "src" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


def byte_compiled(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-S", "-"],
        input=BYTE_COMPILE_SOURCES.replace(OUTPUT, str(root)),
        capture_output=True,
        text=True,
        check=False,
    )


def made(root: Path) -> dict[str, tuple[bytes, CodeType, str]]:
    """Path → header, code, and where the code says that it is from.

    Not the code's bytes: they have marks of how often a constant is referred to, by whomever.
    """
    found = {}
    for path in root.rglob("*.pyc"):
        content = path.read_bytes()
        code = marshal.loads(content[16:])  # noqa: S302 - made a moment ago
        found[str(path.relative_to(root))] = (content[:16], code, code.co_filename)
    return found


def test_it_makes_what_compileall_makes(tmp_path: Path) -> None:
    ours, theirs = written(tmp_path / "ours"), written(tmp_path / "theirs")
    (ours / "src/app/gone.py").symlink_to("nowhere.py")
    assert byte_compiled(ours).returncode == 0
    subprocess.run(
        [
            *(sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"),
            *("-s", str(theirs), "-p", "/", str(theirs / "src")),
        ],
        check=True,
    )
    assert made(ours) == made(theirs)
    assert len(made(ours)) == 4


def test_whatever_cannot_be_compiled_is_named_by_its_path_in_the_image(tmp_path: Path) -> None:
    root = written(tmp_path)
    (root / "src/app/bad.py").write_text("x = (\n")
    (root / "src/app/worse.py").write_bytes(b"x = 1\0\n")
    done = byte_compiled(root)
    assert done.returncode == 1
    assert 'File "/src/app/bad.py", line 1' in done.stderr
    assert "null bytes" in done.stderr
    assert not any("bad" in path or "worse" in path for path in made(root))
