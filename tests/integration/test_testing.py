"""`bs test` in a real BuildKit: Go, Python and Rust; passed, cached, failed, hanging, flaky."""

import uuid
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.integration.real import Checkout, Ran

GO_TEST = "cmd/http-worker/fetch/more_test.go"
PYTHON_TEST = "cmd/agent-runner-py/tests/test_more.py"
GO = "//cmd/http-worker"
PYTHON = "//cmd/agent-runner-py"
RUST = "//cmd/aob-cli"


def write(checkout: Checkout, path: str, text: str) -> None:
    (checkout.root / path).write_text(text)


def test_of(ran: Ran, label: str) -> Any:
    return next(target for target in ran.json["targets"] if target["label"] == label)


test_of.__test__ = False  # type: ignore[attr-defined]


def failing_go(body: str) -> str:
    return (
        'package fetch\n\nimport (\n\t"testing"\n\t"time"\n)\n\n'
        f"func TestMore(t *testing.T) {{\n\t_ = time.Second\n\t{body}\n}}\n"
    )


def test_tests_of_all_languages_run_once_and_change_no_image(checkout: Checkout) -> None:
    ran = checkout.bs("test", GO, PYTHON, RUST, "--json")
    assert ran.code == 0, ran.out + ran.err
    for label, known in (
        (GO, "aob.dev/platform/cmd/http-worker/fetch"),
        (PYTHON, "tests.test_agent"),
        (RUST, "tests/against_a_server.rs"),
    ):
        found = test_of(ran, label)
        assert found["outcome"] in {"passed", "cached"}
        assert known in {case["suite"] for case in found["cases"]}
        assert {case["verdict"] for case in found["cases"]} == {"passed"}
    ran = checkout.bs("test", GO, PYTHON, RUST, "--json")
    assert ran.json["engine"] == {"solves": 0}
    assert {target["outcome"] for target in ran.json["targets"]} == {"cached"}
    new = uuid.uuid4().hex  # the store outlives a run of these tests
    write(checkout, PYTHON_TEST, f"def test_more() -> None:\n    assert '{new}'\n")
    write(checkout, GO_TEST, failing_go(f"// {new}"))
    write(checkout, "cmd/aob-cli/tests/more.rs", "#[test]\nfn more() {}\n")
    assert checkout.stale(GO, PYTHON, RUST) == set(), "tests are no inputs of images"
    ran = checkout.bs("test", PYTHON, GO, "--json")
    assert ran.code == 0, ran.out + ran.err
    assert ran.json["engine"] == {"solves": 2}, "dependencies of tests are layers of their own"
    assert "test_more" in {case["name"] for case in test_of(ran, PYTHON)["cases"]}
    assert "TestMore" in {case["name"] for case in test_of(ran, GO)["cases"]}


def test_a_failure_is_shown_and_never_remembered(checkout: Checkout, tmp_path: Path) -> None:
    write(checkout, GO_TEST, failing_go('t.Error("the moon is missing")'))
    report = tmp_path / "junit.xml"
    for _ in range(2):
        ran = checkout.bs("test", GO, PYTHON, "--junit", str(report))
        assert ran.code == 3
        assert "the moon is missing" in ran.err
        assert "failed: aob.dev/platform/cmd/http-worker/fetch TestMore" in ran.out
        assert "start   tests of //cmd/http-worker" in ran.err, "it ran, this time too"
        assert f"{PYTHON}" in ran.out, "the others are tested all the same"
    suites = {suite.get("name"): suite for suite in ET.parse(report).getroot()}  # noqa: S314 - bs wrote it
    assert suites[GO].get("failures") == "1"
    failures = [case.get("name") for case in suites[GO] if case.find("failure") is not None]
    assert failures == ["TestMore"]
    assert suites[PYTHON].get("failures") == "0"


def test_what_does_not_compile_has_failed(checkout: Checkout) -> None:
    write(checkout, GO_TEST, failing_go("nonsense()"))
    ran = checkout.bs("test", GO, "--json")
    assert ran.code == 3
    assert "undefined: nonsense" in ran.err
    assert any(case["name"] == "(package)" for case in test_of(ran, GO)["cases"])


def test_tests_that_passed_are_run_again_if_asked(checkout: Checkout) -> None:
    checkout.bs("test", PYTHON)
    ran = checkout.bs("test", PYTHON, "--no-cache-tests", "--json")
    assert ran.code == 0
    assert (test_of(ran, PYTHON)["outcome"], ran.json["engine"]) == ("passed", {"solves": 1})


@pytest.mark.parametrize(
    ("label", "path", "text"),
    [
        (GO, GO_TEST, failing_go("time.Sleep(time.Hour)")),
        (GO, GO_TEST, failing_go('for {\n\t\tprintln("trying again")\n\t}')),
        (PYTHON, PYTHON_TEST, "import time\n\n\ndef test_more() -> None:\n    time.sleep(3600)\n"),
    ],
    ids=["go", "go-printing", "python"],
)
def test_a_test_that_hangs_is_stopped(checkout: Checkout, label: str, path: str, text: str) -> None:
    write(checkout, path, text)
    checkout.edit(f"{label[2:]}/BUILD.yaml", "max_size", "test_timeout: 20s\n    max_size")
    ran = checkout.bs("test", label, "--json")
    assert ran.code == 3
    assert test_of(ran, label)["timed_out"]
    assert "longer than their test_timeout" in ran.err
    assert len(ran.out) + len(ran.err) < 200_000_000, "endless logs are cut"


def test_what_passes_when_tried_again_is_flaky(checkout: Checkout) -> None:
    text = (
        f"# {uuid.uuid4().hex}\nfrom pathlib import Path\n\n\ndef test_more() -> None:\n"
        "    known = Path('/tmp/known')\n    before = known.exists()\n    known.touch()\n    assert before\n"
    )
    write(checkout, PYTHON_TEST, text)
    checkout.edit("cmd/agent-runner-py/BUILD.yaml", "max_size", "test_attempts: 2\n    max_size")
    ran = checkout.bs("test", PYTHON, "--json")
    assert ran.code == 0, ran.out + ran.err
    found = test_of(ran, PYTHON)
    assert (found["outcome"], found["attempts"]) == ("flaky", 2)
    assert [c["name"] for c in found["cases"] if c["verdict"] == "flaky"] == ["test_more"]


def test_what_fails_after_it_passed_is_forgotten(checkout: Checkout) -> None:
    text = f"# {uuid.uuid4().hex}\nimport os\n\n\ndef test_more() -> None:\n    assert os.urandom(1)[0] % 2\n"
    write(checkout, PYTHON_TEST, text)

    def outcome(*options: str) -> str:
        return str(test_of(checkout.bs("test", PYTHON, "--json", *options), PYTHON)["outcome"])

    # Each toss fails every other time: forty in a row that don't are no accident.
    assert "passed" in (outcome() for _ in range(40))
    assert outcome() == "cached"
    assert "failed" in (outcome("--no-cache-tests") for _ in range(40))
    assert outcome() in {"passed", "failed"}, "not cached: it was seen to fail since"


def test_a_target_without_tests_says_so(tmp_path: Path) -> None:
    files = {
        "BUILD.yaml": "workspace: w\ntargets:\n  - {name: w, rule: go_image}\n",
        "go.mod": "module example.com/w\n\ngo 1.24\n",
        "main.go": "package main\n\nfunc main() {}\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    ran = Checkout(tmp_path).bs("test", "all")
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[-1] == "1 targets: 1 none"
