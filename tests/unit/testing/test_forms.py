"""What tests print becomes cases; layers of tests become runs."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildsys.errors import CheckFailed, MachineError
from buildsys.images.stored import StoredImage
from buildsys.model.action import KeyedAction
from buildsys.model.digest import ActionKey
from buildsys.model.label import Label
from buildsys.model.tests import TestCase, TestRun, Verdict
from buildsys.reporting.tests import TargetTests, TestOutcome, document_of_tests, lines_of_tests
from buildsys.testing.forms import read_cargo, read_go, read_junit
from buildsys.testing.judge import TestJudge
from buildsys.testing.junit import junit_xml
from buildsys.testing.results import read_results
from tests.builds import action
from tests.fakes import RecordingProgress
from tests.unit.store.support import Place, seal

LABEL = Label.parse("//cmd/api")


def go_log(*events: dict[str, Any]) -> str:
    return "".join(json.dumps(event) + "\n" for event in events)


PASSING = go_log(
    {"Action": "start", "Package": "a"},
    {"Action": "run", "Package": "a", "Test": "TestX"},
    {"Action": "output", "Package": "a", "Test": "TestX", "Output": "=== RUN   TestX\n"},
    {"Action": "pass", "Package": "a", "Test": "TestX", "Elapsed": 0.5},
    {"Action": "skip", "Package": "a", "Test": "TestY", "Elapsed": 0},
    {"Action": "pass", "Package": "a", "Elapsed": 0.6},
)
FAILING = go_log(
    {"Action": "output", "Package": "a", "Test": "TestX", "Output": "x.go:1: no moon\n"},
    {"Action": "fail", "Package": "a", "Test": "TestX", "Elapsed": 0.1},
    {"Action": "fail", "Package": "a", "Elapsed": 0.1},
)
BROKEN = go_log(
    {"ImportPath": "a", "Action": "build-output", "Output": "x.go:1: undefined: y\n"},
    {"Action": "fail", "Package": "a", "Elapsed": 0},
)


def test_go_tests_are_read_case_by_case() -> None:
    cases, log = read_go(PASSING)
    assert cases == (
        TestCase("a", "TestX", Verdict.PASSED, 0.5),
        TestCase("a", "TestY", Verdict.SKIPPED, 0.0),
    )
    assert log == "", "passing tests say nothing"


def test_a_go_package_fails_by_its_cases_or_as_a_whole() -> None:
    assert read_go(FAILING)[1] == "x.go:1: no moon\n"
    assert read_go(FAILING)[0] == (
        TestCase("a", "TestX", Verdict.FAILED, 0.1, "x.go:1: no moon\n"),
    )
    (case,), log = read_go(BROKEN)
    assert (case.name, case.verdict) == ("(package)", Verdict.FAILED)
    assert log == "x.go:1: undefined: y\n"


def test_what_go_says_otherwise_is_shown() -> None:
    assert read_go("go: no module\n[1]\n") == ((), "go: no module\n[1]\n")


JUNIT = """<?xml version="1.0"?><testsuites><testsuite>
<testcase classname="tests.test_a" name="test_x" time="0.25"/>
<testcase classname="tests.test_a" name="test_y" time="0"><failure message="m">1 == 2</failure></testcase>
<testcase classname="" name="tests.test_b" time="0"><error message="no module"/></testcase>
<testcase classname="tests.test_a" name="test_z" time="0"><skipped message="later"/></testcase>
</testsuite></testsuites>"""


def test_junit_is_read_case_by_case() -> None:
    assert read_junit(JUNIT) == (
        TestCase("tests.test_a", "test_x", Verdict.PASSED, 0.25),
        TestCase("tests.test_a", "test_y", Verdict.FAILED, 0.0, "1 == 2"),
        TestCase("", "tests.test_b", Verdict.FAILED, 0.0, "no module"),
        TestCase("tests.test_a", "test_z", Verdict.SKIPPED, 0.0, "later"),
    )
    assert read_junit(JUNIT[:200]) == ()


CARGO = """   Compiling aob v0.1.0
     Running unittests src/lib.rs (target/debug/deps/aob-1)

running 3 tests
test a::works ... ok
test a::panics - should panic ... ok
test a::later ... ignored, not yet

     Running tests/more.rs (target/debug/deps/more-1)

running 1 test
test more ... FAILED

failures:

---- more stdout ----

thread 'more' panicked at tests/more.rs:3:5:
no moon


failures:
    more

test result: FAILED. 0 passed; 1 failed
"""


def test_cargo_is_read_program_by_program() -> None:
    assert read_cargo(CARGO) == (
        TestCase("src/lib.rs", "a::works", Verdict.PASSED),
        TestCase("src/lib.rs", "a::panics", Verdict.PASSED),
        TestCase("src/lib.rs", "a::later", Verdict.SKIPPED),
        TestCase(
            "tests/more.rs",
            "more",
            Verdict.FAILED,
            0.0,
            "thread 'more' panicked at tests/more.rs:3:5:\nno moon",
        ),
    )


def test_what_a_failing_rust_test_prints_is_no_case() -> None:
    log = CARGO.replace("---- more stdout ----\n", "---- more stdout ----\ntest fake ... ok\n")
    assert log != CARGO
    found = read_cargo(log)
    assert [case.name for case in found] == [case.name for case in read_cargo(CARGO)]
    assert "test fake ... ok" in found[-1].output


@given(st.text())
def test_no_text_is_too_strange(text: str) -> None:
    read_go(text)
    read_junit(text)
    read_cargo(text)


def layer(files: dict[str, str]) -> dict[str, bytes]:
    return {name: content.encode() for name, content in files.items()}


def run_of(tmp_path: Path, files: dict[str, str]) -> TestRun:
    store = Place(str(tmp_path / "store")).store()
    return read_results(StoredImage(store.blobs, seal(store, layer(files))))


def go_attempts(*attempts: tuple[str, str]) -> dict[str, str]:
    files = {"form": "go test -json\n", "limit": "20\n"}
    for number, (log, end) in enumerate(attempts, 1):
        files |= {f"{number}/log": log, f"{number}/end": end}
    return files


def test_the_last_attempt_decides_and_names_what_is_flaky(tmp_path: Path) -> None:
    found = run_of(tmp_path, go_attempts((FAILING, "1 4\n"), (PASSING, "0 3\n")))
    assert (found.passed, found.attempts, found.duration_s) == (True, 2, 7.0)
    assert [case.verdict for case in found.cases] == [Verdict.FLAKY, Verdict.SKIPPED]
    assert found.cases[0].output == "x.go:1: no moon\n"


def test_a_hanging_test_is_told_from_a_failing_one(tmp_path: Path) -> None:
    hanging = go_log(
        {"Action": "output", "Package": "a", "Output": "panic: test timed out after 20s\n"}
    )
    assert run_of(tmp_path / "1", go_attempts((hanging, "1 3\n"))).timed_out
    assert not run_of(tmp_path / "2", go_attempts((FAILING, "1 99\n"))).timed_out
    outside = go_log(
        {
            "Action": "output",
            "Package": "a",
            "Output": "*** Test killed with quit: ran too long (21s).\n",
        },
        {"Action": "fail", "Package": "a", "Elapsed": 21},
    )
    assert run_of(tmp_path / "5", go_attempts((outside, "1 30\n"))).timed_out
    assert run_of(tmp_path / "6", go_attempts(("", "137 920\n"))).timed_out, (
        "by the step's own limit"
    )
    others = go_attempts(("", "137 20\n")) | {"form": "junit"}
    assert run_of(tmp_path / "3", others).timed_out
    assert not run_of(tmp_path / "4", others | {"1/end": "1 19\n"}).timed_out


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"form": "junit", "limit": "3"},
        go_attempts(("", "one 2")),
        go_attempts(("", "1")),
        go_attempts(("", "1 1")) | {"form": "other"},
    ],
)
def test_a_layer_without_results_is_refused(tmp_path: Path, files: dict[str, str]) -> None:
    with pytest.raises(MachineError, match="left no results"):
        run_of(tmp_path, files)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (go_attempts((FAILING, "1 1")), "1 of 1 tests failed"),
        (go_attempts(("no go\n", "2 1")), "the tests ended with exit code 2"),
        (go_attempts((FAILING, "137 30")) | {"form": "junit"}, "longer than their test_timeout"),
    ],
)
def test_the_judge_lets_only_passes_through(
    tmp_path: Path, files: dict[str, str], said: str
) -> None:
    store = Place(str(tmp_path / "store")).store()
    judge, heard = TestJudge(store.blobs), RecordingProgress()
    keyed = KeyedAction(ActionKey("k" * 64), action("tests"), b"{}", {}, {})
    judge.judge(keyed, seal(store, layer(go_attempts((PASSING, "0 1")))), heard)
    assert (heard.text, judge.runs[keyed.key].passed) == ("", True)
    with pytest.raises(CheckFailed, match=said):
        judge.judge(keyed, seal(store, layer(files)), heard)
    assert heard.text
    assert not judge.runs[keyed.key].passed


def run_with(*cases: TestCase, code: int = 0, timed_out: bool = False) -> TestRun:
    return TestRun(cases, code, 1.5, 1, timed_out, "the \x07 log")


def test_junit_xml_has_a_suite_a_target() -> None:
    cases = (
        TestCase("a", "x", Verdict.PASSED, 0.5),
        TestCase("a", "y\x00", Verdict.FAILED, 0, "first\nsecond <&>"),
        TestCase("a", "z", Verdict.SKIPPED, 0, "later"),
        TestCase("a", "f", Verdict.FLAKY, 0, "once"),
    )
    (suite,) = ET.fromstring(junit_xml({LABEL: run_with(*cases, code=1)}))  # noqa: S314
    assert {name: suite.get(name) for name in ("name", "tests", "failures", "errors", "skipped")} == {
        "name": "//cmd/api", "tests": "4", "failures": "1", "errors": "0", "skipped": "1",
    }  # fmt: skip
    assert [[child.tag for child in case] for case in suite] == [
        [],
        ["failure"],
        ["skipped"],
        ["flakyFailure"],
    ]
    failure = suite[1][0]
    assert (failure.get("message"), failure.text) == ("first", "first\nsecond <&>")


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (run_with(code=2), "exit code 2"),
        (run_with(TestCase("a", "x", Verdict.FAILED), code=1, timed_out=True), "timed out"),
    ],
)
def test_what_no_case_tells_is_an_error_of_its_own(run: TestRun, message: str) -> None:
    (suite,) = ET.fromstring(junit_xml({LABEL: run}))  # noqa: S314
    assert suite.get("errors") == "1"
    error = suite[-1][0]
    assert (error.tag, error.get("message"), error.text) == ("error", message, "the \ufffd log")


def test_what_could_not_be_run_is_an_error_in_junit_xml() -> None:
    (suite,) = ET.fromstring(junit_xml({LABEL: None}))  # noqa: S314
    assert (suite.get("errors"), suite.get("tests")) == ("1", "1")
    (case,) = suite
    assert "couldn't be built" in case[0].get("message", "")


def test_lines_and_document_tell_the_same() -> None:
    flaky = run_with(TestCase("a", "x", Verdict.PASSED), TestCase("a", "y", Verdict.FLAKY))
    found = [
        TargetTests(LABEL, TestOutcome.FLAKY, flaky, ActionKey("k")),
        TargetTests(Label.parse("//cmd/cli"), TestOutcome.NONE),
        TargetTests(Label.parse("//cmd/old"), TestOutcome.FAILED, run_with(code=4)),
        TargetTests(Label.parse("//cmd/x"), TestOutcome.NOT_BUILT),
    ]
    assert lines_of_tests(found, colour=False) == [
        "//cmd/api  flaky      1 passed, 1 flaky  1.5s",
        "    flaky: a y",
        "//cmd/cli  none       no tests              -",
        "//cmd/old  failed     exit code 4        1.5s",
        "//cmd/x    not_built  -                     -",
        "4 targets: 1 flaky, 1 failed, 1 not_built, 1 none",
    ]
    document: Any = document_of_tests("w", found, 2)
    assert document["engine"] == {"solves": 2}
    assert [target["outcome"] for target in document["targets"]] == [
        "flaky", "none", "failed", "not_built",
    ]  # fmt: skip
    assert [case["verdict"] for case in document["targets"][0]["cases"]] == ["passed", "flaky"]
