"""The forms in which tests say how they went: each is read into cases and a log for people."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias
from xml.etree import ElementTree as ET

from buildsys.model.tests import TestCase, Verdict

_Test: TypeAlias = tuple[str, str]
"""Package and name; no name is the package itself."""
_NO_TEST = ("", "")
_GO_ENDS = {"pass": Verdict.PASSED, "fail": Verdict.FAILED, "skip": Verdict.SKIPPED}
_CARGO_PROGRAM = re.compile(r"^ *(?:Running|Doc-tests) (?:unittests )?(\S+)")
_CARGO_CASE = re.compile(r"^test (.+) \.\.\. (ok|FAILED|ignored)(?:, .*)?$")
_CARGO_ENDS = {"ok": Verdict.PASSED, "FAILED": Verdict.FAILED, "ignored": Verdict.SKIPPED}
_CARGO_OUTPUT = re.compile(r"^---- (.+) stdout ----$")


def read_go(log: str) -> tuple[tuple[TestCase, ...], str]:
    """`go test -json` (cmd/test2json): a JSON object a line; whatever isn't one is shown as it is.

    A package that fails without a failing test of its own (it doesn't compile, it panics) is a case. The log
    is that of `go test` without `-v`: what passing tests print is left out.
    """
    said: list[tuple[_Test, str]] = []
    outputs: dict[_Test, list[str]] = {}
    cases: list[TestCase] = []
    for line in log.splitlines(keepends=True):
        event = _go_event(line)
        if event is None:
            said.append((_NO_TEST, line))
            continue
        test = (str(event.get("Package", event.get("ImportPath", ""))), str(event.get("Test", "")))
        output = str(event.get("Output", ""))
        said.append((test, output))
        outputs.setdefault(test, []).append(output)
        verdict = _GO_ENDS.get(str(event.get("Action")))
        if verdict is not None:
            output = "" if verdict is Verdict.PASSED else "".join(outputs[test])
            cases.append(TestCase(*test, verdict, float(event.get("Elapsed", 0.0)), output))
    passed = {(case.suite, case.name) for case in cases if case.verdict is Verdict.PASSED}
    shown = "".join(text for test, text in said if not test[1] or test not in passed)
    return tuple(_go_cases(cases)), shown


def _go_event(line: str) -> Mapping[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "Action" in event else None


def _go_cases(cases: list[TestCase]) -> Iterator[TestCase]:
    failing = {case.suite for case in cases if case.name and case.verdict is Verdict.FAILED}
    for case in cases:
        if case.name:
            yield case
        elif case.verdict is Verdict.FAILED and case.suite not in failing:
            yield TestCase(case.suite, "(package)", case.verdict, case.duration_s, case.output)


def read_junit(xml: str) -> tuple[TestCase, ...]:
    """JUnit XML as pytest writes it; what can't be read is no case."""
    try:
        # Of the workspace's own tests; expat 2.4.1 and later bounds the growth of entities.
        root = ET.fromstring(xml)  # noqa: S314
    except ET.ParseError:
        return ()
    return tuple(_junit_case(case) for case in root.iter("testcase"))


def _junit_case(case: ET.Element) -> TestCase:
    verdict, said = Verdict.PASSED, ""
    for child in case:
        if child.tag in {"failure", "error"}:
            verdict, said = Verdict.FAILED, child.text or child.get("message") or ""
        elif child.tag == "skipped" and verdict is Verdict.PASSED:
            verdict, said = Verdict.SKIPPED, child.get("message") or ""
    suite, name = case.get("classname", ""), case.get("name", "")
    return TestCase(suite, name, verdict, float(case.get("time", "0")), said)


def read_cargo(log: str) -> tuple[TestCase, ...]:
    """What libtest prints (library/test/src/formatters/pretty.rs); it gives no times."""
    suite = ""
    found: list[tuple[str, str, Verdict]] = []
    output: dict[tuple[str, str], list[str]] = {}
    reading: list[str] | None = None
    for line in log.splitlines():
        if program := _CARGO_PROGRAM.match(line):
            suite, reading = program[1], None
        elif begin := _CARGO_OUTPUT.match(line):
            reading = output.setdefault((suite, begin[1]), [])
        elif line == "failures:":
            reading = None
        elif reading is not None:
            reading.append(line)
        elif case := _CARGO_CASE.match(line):
            found.append((suite, case[1].removesuffix(" - should panic"), _CARGO_ENDS[case[2]]))
    return tuple(
        TestCase(program, name, verdict, 0.0, "\n".join(output.get((program, name), ())).strip())
        for program, name, verdict in found
    )
