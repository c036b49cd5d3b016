"""Which requirements files a Python service has, and which requirements are refused."""

import pytest

from buildsys.analysis.requirements import requirements
from buildsys.errors import BuildFileError
from tests.fake_tree import DictTree


def found(files: dict[str, str], folder: str = "svc") -> tuple[str, ...]:
    return tuple(path for path, _ in requirements(DictTree(files), folder, "requirements.txt"))


def test_the_nearest_file_counts() -> None:
    assert found({"requirements.txt": "", "svc/a.py": ""}) == ("requirements.txt",)
    assert found({"requirements.txt": "", "svc/requirements.txt": ""}) == ("svc/requirements.txt",)
    assert found({"svc/a.py": ""}) == ()


@pytest.mark.parametrize(
    "line",
    [
        "-r ../base.txt",
        "-r../base.txt",
        "-c ../base.txt # pins",
        "  --requirement ../base.txt",
        "--requirement=../base.txt",
        "--constraint  ../base.txt",
        '-r "../base.txt"',
        "-r \\\n  ../base.txt",
    ],
)
def test_included_files_follow(line: str) -> None:
    files = {"svc/requirements.txt": f"six==1.0\n{line}\n", "base.txt": "-r svc/requirements.txt\n"}
    assert found(files) == ("svc/requirements.txt", "base.txt")


@pytest.mark.parametrize(
    "line",
    [
        "six",
        "six==1.17 --hash=sha256:ab/cd --hash=sha256:ef # ./x",
        "six==1.17 \\\n    --hash=sha256:ab \\\n    --hash=sha256:cd",
        "requests[socks]>=2,<3 ; python_version < '4' and sys_platform == 'a/b'",
        "six @ https://example.com/six.whl",
        "https://example.com/six-1.0.tar.gz#sha256=ab",
        "six @ git+https://example.com/six.git@v1",
        "--index-url https://example.com/simple/",
        "--extra-index-url=https://example.com/simple/",
        "-r https://example.com/requirements.txt",
        "--no-binary :all:",
        "# -e ./x",
        "",
        "\\",
    ],
)
def test_published_requirements_are_fine(line: str) -> None:
    assert found({"svc/requirements.txt": line}) == ("svc/requirements.txt",)


@pytest.mark.parametrize(
    "line",
    [
        "-e ../lib",
        "-e git+https://example.com/six.git#egg=six",
        "--editable=../lib",
        "../lib",
        ".",
        "./lib[extra]",
        "lib/",
        "/opt/lib",
        "~/lib",
        "file:///opt/lib",
        "lib @ file:../lib",
        "lib@file:///opt/lib",
        "wheels/six-1.0-py3-none-any.whl",
        "six-1.0-py3-none-any.whl",
        "six-1.0.tar.gz ; python_version > '3'",
    ],
)
def test_local_requirements_are_refused_where_they_stand(line: str) -> None:
    with pytest.raises(BuildFileError) as caught:
        found({"svc/requirements.txt": f"six\n\n  {line}\n"})
    assert str(caught.value.at) == "svc/requirements.txt:3:3"
    assert "import the workspace's own packages" in caught.value.hint


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("-r gone.txt", "svc/requirements.txt:1:4: there is no file `svc/gone.txt`"),
        ("-c ../../x", "svc/requirements.txt:1:4: `../../x` is outside the workspace"),
    ],
)
def test_an_include_that_leads_nowhere_is_refused(line: str, message: str) -> None:
    with pytest.raises(BuildFileError) as caught:
        found({"svc/requirements.txt": line})
    assert str(caught.value) == message
