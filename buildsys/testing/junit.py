"""JUnit XML, as CI systems read it: one suite a target.

Format: github.com/testmoapp/junitxml; `flakyFailure` is Maven Surefire's.
"""

import re
from collections.abc import Mapping
from xml.etree import ElementTree as ET

from buildsys.model.label import Label
from buildsys.model.tests import TestCase, TestRun, Verdict

# What XML 1.0 can't carry, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAGS = {Verdict.FAILED: "failure", Verdict.SKIPPED: "skipped", Verdict.FLAKY: "flakyFailure"}


def junit_xml(runs: Mapping[Label, TestRun | None]) -> bytes:
    """All runs in one document; None stands for tests that couldn't be run, which is an error."""
    root = ET.Element("testsuites", name="bs test")
    for label, run in runs.items():
        if run is None:
            suite = ET.SubElement(root, "testsuite", name=str(label), tests="1", errors="1")
            _add_error(suite, label, "what the tests need couldn't be built", "")
            continue
        suite = ET.SubElement(
            root,
            "testsuite",
            name=str(label),
            tests=str(len(run.cases) + (not _told(run))),
            failures=str(run.count(Verdict.FAILED)),
            errors=str(int(not _told(run))),
            skipped=str(run.count(Verdict.SKIPPED)),
            time=f"{run.duration_s:.3f}",
        )
        for case in run.cases:
            _add(suite, case)
        if not _told(run):
            message = "timed out" if run.timed_out else f"exit code {run.exit_code}"
            _add_error(suite, label, message, run.log)
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _told(run: TestRun) -> bool:
    """Whether the cases tell how it ended: not if it was stopped, or failed outside of any case."""
    return run.passed or (not run.timed_out and run.count(Verdict.FAILED) > 0)


def _add(suite: ET.Element, case: TestCase) -> None:
    element = ET.SubElement(
        suite,
        "testcase",
        classname=_clean(case.suite),
        name=_clean(case.name),
        time=f"{case.duration_s:.3f}",
    )
    if case.verdict in _TAGS:
        message = _clean(case.output.strip().partition("\n")[0])
        ET.SubElement(element, _TAGS[case.verdict], message=message).text = _clean(case.output)


def _add_error(suite: ET.Element, label: Label, message: str, log: str) -> None:
    broken = ET.SubElement(suite, "testcase", classname=str(label), name="(all)", time="0")
    ET.SubElement(broken, "error", message=message).text = _clean(log)


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
