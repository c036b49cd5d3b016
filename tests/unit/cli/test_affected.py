"""`bs affected`: what it prints for people, scripts and CI services, and its exit codes."""

import json
from pathlib import Path

import pytest

from buildsys.cli.run import run
from tests.commits import git

FILES = {
    "BUILD.yaml": "workspace: shop\n",
    "a/BUILD.yaml": "targets:\n  - {name: a, rule: python_image, module: a}\n",
    "a/a.py": "print(1)\n",
    "a/test_a.py": "def test_a():\n    pass\n",
    "b/BUILD.yaml": "targets:\n  - {name: b, rule: python_image, module: b}\n",
    "b/b.py": "print(1)\n",
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "shop"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "first")
    monkeypatch.chdir(root)
    monkeypatch.setenv("BS_CACHE_DIR", str(tmp_path / "cache"))
    return root


def edit(root: Path, name: str) -> None:
    (root / name).write_text(f"# changed\n{FILES[name]}")


def test_labels_are_a_line_each(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["affected", "--since", "HEAD"]) == 0
    assert capsys.readouterr().out == ""
    edit(root, "b/b.py")
    edit(root, "a/test_a.py")
    assert run(["affected", "--since", "HEAD"]) == 0
    assert capsys.readouterr().out == "//a\n//b\n"
    assert run(["affected", "--since", "HEAD", "--only", "tests"]) == 0
    assert capsys.readouterr().out == "//a\n"
    assert run(["affected", "--since", "HEAD", "--only", "images", "--explain"]) == 0
    assert capsys.readouterr().out == "//b\n    image: file changed: b/b.py\n"
    assert run(["affected", "//b", "--since", "HEAD"]) == 0
    assert capsys.readouterr().out == "//b\n"


def test_a_matrix_is_one_line(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["affected", "--since", "HEAD", "--matrix"]) == 0
    assert capsys.readouterr().out == '{"include":[]}\n'
    edit(root, "a/test_a.py")
    assert run(["affected", "--since", "HEAD", "--matrix"]) == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    (job,) = json.loads(out)["include"]
    assert job == {
        "label": "//a", "name": "a", "rule": "python_image", "image": False, "tests": True,
    }  # fmt: skip


def test_the_document_has_reasons_and_what_is_gone(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(root, "a/a.py")
    (root / "b/BUILD.yaml").unlink()
    assert run(["affected", "--since", "main", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["merge_base"] == git(root, "rev-parse", "HEAD")
    assert found["summary"] == {"targets": 1, "affected": 1}
    assert found["removed"] == ["//b"]
    (target,) = found["targets"]
    assert (target["label"], target["image"], target["tests"]) == ("//a", True, True)
    reasons = {layer["name"]: layer["reasons"] for layer in target["layers"]}
    assert reasons["image"] == [{"code": "file_changed", "path": "a/a.py"}]


@pytest.mark.parametrize("since", ["0" * 40, "HEAD~1"])
def test_without_a_merge_base_all_are_selected(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], since: str
) -> None:  # fmt: skip
    edit(root, "a/a.py")
    git(root, "commit", "-qam", "second")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{root}", str(clone))
    monkeypatch.chdir(clone)
    assert run(["affected", "--since", since, "--explain"]) == 0
    out, err = capsys.readouterr()
    assert "    image: not compared\n" in out
    assert [line for line in out.splitlines() if line.startswith("//")] == ["//a", "//b"]
    assert "all targets are selected" in err
    assert run(["affected", "--since", since, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["merge_base"] is None


def test_a_workspace_that_could_not_be_understood_is_no_obstacle_now(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for broken in ("targets: [{name: a}]\n", "targets:\n  - {name: a, rule: go_image}\n"):
        (root / "a/BUILD.yaml").write_text(broken)
        git(root, "commit", "-qam", "broken")
        assert run(["affected", "--since", "HEAD"]) == 2
        assert "a/BUILD.yaml" in capsys.readouterr().err
        (root / "a/BUILD.yaml").write_text(FILES["a/BUILD.yaml"])
        assert run(["affected", "--since", "HEAD"]) == 0
        out, err = capsys.readouterr()
        assert out == "//a\n//b\n"
        assert "can't be understood: a/BUILD.yaml" in err


def test_exit_codes(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["affected", "--since", "HEAD", "--exit-code"]) == 0
    edit(root, "b/b.py")
    assert run(["affected", "--since", "HEAD", "--exit-code"]) == 1
    assert run(["affected"]) == 2
    assert run(["affected", "--since", "nowhere"]) == 2
    assert run(["affected", "--since", "HEAD", "--json", "--matrix"]) == 2
    assert "choose one" in capsys.readouterr().err
