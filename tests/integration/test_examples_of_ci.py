"""The examples for CI services, run as the services would: their scripts, in checkouts with a change."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from buildsys.machine import cache_folder
from tests.commits import git
from tests.integration.conftest import share_binaries
from tests.integration.real import REPOSITORY, Checkout, clone_store, copy_platform

EXAMPLES = REPOSITORY / "examples/ci"
OWN_BS = Path(sys.executable).parent
CHANGED = "agent-runner-py"


TOKEN = os.urandom(8).hex()
"""One change for all of them: what one service has built and tested, the others need not."""


@pytest.fixture(scope="module")
def cache(platform: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A store and an engine for this module alone: the examples remove what isn't used."""
    assert platform.root.is_dir()
    warm, cache = Path(cache_folder(os.environ)), tmp_path_factory.mktemp("cache")
    clone_store(warm / "store", cache / "store")
    share_binaries(warm, cache)
    yield cache
    Checkout(platform.root, {"BS_CACHE_DIR": str(cache)}).bs("engine", "stop")
    shutil.rmtree(cache, ignore_errors=True)


@pytest.fixture
def changed(cache: Path, tmp_path: Path) -> Checkout:
    """A branch with one commit on the main line: a line of one service."""
    root = copy_platform(tmp_path / "checkout")
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "first")
    git(root, "update-ref", "refs/remotes/origin/main", "HEAD")
    with (root / f"cmd/{CHANGED}/agent_runner/text.py").open("a") as file:
        file.write(f"# {TOKEN}\n")
    git(root, "commit", "-qam", "second")
    return Checkout(root, {"BS_CACHE_DIR": str(cache)})


def script(
    checkout: Checkout, lines: str, environment: Mapping[str, str], *, path: Path = OWN_BS
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", lines],
        cwd=checkout.root,
        env={**checkout.environ(), "PATH": f"{path}:{os.environ['PATH']}", **environment},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


def workflow(name: str) -> Any:
    return yaml.safe_load((EXAMPLES / name).read_text())


class Runner:
    """Runs a job's `run` steps as GitHub's runner does; `uses` are those of the machine at hand."""

    def __init__(self, checkout: Checkout, folder: Path, expressions: Mapping[str, str]) -> None:
        self.checkout, self.folder, self.expressions = checkout, folder, expressions
        self.outputs: dict[str, str] = {}
        folder.mkdir()
        (folder / "path").touch()

    def run(self, job: Mapping[str, Any], **defaults: str) -> None:
        named = {**defaults, **self._values(job.get("env", {}))}
        for number, step in enumerate(job["steps"]):
            if "run" not in step:
                continue
            assert step.get("if") in {None, "always()", "matrix.tests"}
            files = {
                "GITHUB_OUTPUT": self.folder / f"output-{number}",
                "GITHUB_STEP_SUMMARY": self.folder / f"summary-{number}",
                "GITHUB_PATH": self.folder / "path",
            }
            environment = {
                "CI": "true", "GITHUB_ACTIONS": "true", "RUNNER_TEMP": str(self.folder),
                "GITHUB_WORKSPACE": str(self.checkout.root),
                **named, **self._values(step.get("env", {})), **{n: str(f) for n, f in files.items()},
            }  # fmt: skip
            added = Path((self.folder / "path").read_text().strip() or OWN_BS)
            done = script(self.checkout, step["run"], environment, path=added)
            assert done.returncode == 0, (step, done.stdout, done.stderr)
            if files["GITHUB_OUTPUT"].exists():
                lines = files["GITHUB_OUTPUT"].read_text().splitlines()
                self.outputs |= dict(line.split("=", 1) for line in lines)

    def _values(self, environment: Mapping[str, str]) -> dict[str, str]:
        return {name: self.expressions.get(value, value) for name, value in environment.items()}

    @property
    def summaries(self) -> str:
        return "".join(path.read_text() for path in sorted(self.folder.glob("summary-*")))


def package(into: Path) -> Path:
    """What pip can install, apart from this checkout, in which it would leave files."""
    into.mkdir()
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(REPOSITORY / name, into / name)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(REPOSITORY / "buildsys", into / "buildsys", ignore=ignored)
    return into


def test_github_builds_and_tests_what_a_pull_request_reaches(
    changed: Checkout, tmp_path: Path
) -> None:
    jobs = workflow("github-actions.yml")["jobs"]
    base = git(changed.root, "rev-parse", "origin/main")
    since = {"${{ github.event.pull_request.base.sha }}": base}
    first = Runner(changed, tmp_path / "first", since)
    # What bs needs is here already; downloading that again would only show that pip works.
    here = {"PIP_NO_DEPS": "1", "PIP_NO_COMPILE": "1", "PYTHONPATH": sysconfig.get_path("purelib")}
    first.run(jobs["affected"], BS_PACKAGE=str(package(tmp_path / "package")), **here)
    assert (tmp_path / "first/bs/bin/bs").exists(), "installed by the example's own steps"
    (one,) = json.loads(first.outputs["matrix"])["include"]
    assert (one["label"], one["image"], one["tests"]) == (f"//cmd/{CHANGED}", True, True)
    values = {f"${{{{ matrix.{name} }}}}": str(value) for name, value in one.items()}
    second = Runner(changed, tmp_path / "second", values)
    steps = [step for step in jobs["image"]["steps"] if step.get("name") != "Install bs"]
    second.run({**jobs["image"], "steps": steps})
    assert list(json.loads((tmp_path / "second/images.json").read_text())["images"]) == [
        one["label"]
    ]
    assert (tmp_path / "second/junit.xml").exists()
    assert "### bs build: 1 image\n" in second.summaries
    assert "### bs test: 1 " in second.summaries
    # The main line then: what the pull request built is there already, and tests that passed aren't run again.
    third = Runner(changed, tmp_path / "third", {})
    steps = [step for step in jobs["everything"]["steps"] if step.get("name") != "Install bs"]
    third.run({**jobs["everything"], "steps": steps}, TARGETS=CHANGED)
    assert "### bs test: 1 cached\n" in third.summaries
    assert changed.stale(CHANGED) == set()
    nothing = Runner(changed, tmp_path / "nothing", {next(iter(since)): "HEAD"})
    nothing.run({**jobs["affected"], "steps": jobs["affected"]["steps"][-1:]})
    assert f"needs.affected.outputs.matrix != '{nothing.outputs['matrix']}'" == jobs["image"]["if"]


def test_gitlab_builds_and_tests_what_a_merge_request_reaches(changed: Checkout) -> None:
    jobs = workflow("gitlab-ci.yml")
    environment = {
        "CI": "true", "GITLAB_CI": "true", "CI_PROJECT_DIR": str(changed.root), "TARGETS": CHANGED,
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": git(changed.root, "rev-parse", "origin/main"),
    }  # fmt: skip
    for job in ("merge request", "everything"):
        done = script(changed, "\n".join(jobs[job]["script"]), environment)
        assert done.returncode == 0, done.stdout + done.stderr
        reports = jobs[job]["artifacts"]["reports"].values()
        for name in (*reports, *jobs[job]["artifacts"]["paths"]):
            (changed.root / name).unlink()
    environment["CI_MERGE_REQUEST_DIFF_BASE_SHA"] = "HEAD"
    (changed.root / "affected.txt").unlink()
    done = script(changed, "\n".join(jobs["merge request"]["script"]), environment)
    assert done.returncode == 0
    assert "start" not in done.stderr


def test_any_other_service_can_run_the_script(changed: Checkout) -> None:
    command = str(EXAMPLES / "build.sh")
    done = script(changed, command, {})
    assert done.returncode == 0, done.stdout + done.stderr
    left = {path.name for path in (changed.root / ".bs/ci").iterdir()}
    assert left == {"affected.txt", "images.json", "junit.xml", "summary.md"}
    page = (changed.root / ".bs/ci/summary.md").read_text()
    assert "### bs build: 1 image\n" in page
    assert "### bs test: 1 " in page
    assert git(changed.root, "status", "--porcelain").split() == ["??", ".bs/"]
    done = script(changed, f"{command} HEAD", {})
    assert (done.returncode, done.stdout) == (0, "nothing to build\n")
    with (changed.root / f"cmd/{CHANGED}/agent_runner/text.py").open("a") as file:
        file.write("def broken(:\n")
    assert script(changed, f"{command} HEAD", {}).returncode == 1
