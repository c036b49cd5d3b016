"""What was made of manifests is remembered: a status neither parses nor writes TOML again."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from buildsys.analysis.analyze import Analysis
from buildsys.loading.workspace import load
from buildsys.rules.registry import RULES
from buildsys.workspace.index import FileIndex
from buildsys.workspace.tree import DiskTree

index = FileIndex.load(".bs/index")
tree = DiskTree(sys.argv[1], index)
one = Analysis(load(tree, RULES).targets, tree, "linux/amd64")
assert len(one.actions(one.targets)) == 2
one.test_actions(one.targets)
index.save()
print(sorted({"tomllib", "tomli_w"} & set(sys.modules)))
"""
FILES = {
    "BUILD.yaml": "workspace: w\n",
    "cli/BUILD.yaml": "targets: [{name: cli, rule: rust_image}]\n",
    "cli/Cargo.toml": '[package]\nname = "cli"\nversion = "0.1.0"\n',
    "cli/Cargo.lock": "version = 4\n",
    "cli/src/main.rs": "",
    "agent/BUILD.yaml": "targets: [{name: agent, rule: python_image, module: agent}]\n",
    "agent/requirements.txt": "a==1\n",
    "agent/pyproject.toml": "[tool.ruff]\n",
    "agent/test_agent.py": "",
}


def test_a_second_look_needs_no_toml(tmp_path: Path) -> None:
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    said = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM, str(tmp_path)],
            cwd=tmp_path, capture_output=True, text=True, check=True,
        ).stdout
        for _ in range(2)
    ]  # fmt: skip
    assert said == ["['tomli_w', 'tomllib']\n", "[]\n"]
