"""All checks of one image."""

from collections.abc import Callable

from buildsys.model.check import Check, Finding, Verdict, Verification
from buildsys.verification.checks import QUESTIONS, concerns, problems
from buildsys.verification.subject import Subject

Trial = Callable[[Subject], tuple[str, ...]]
"""A check that takes more than looking: what is wrong."""


def verify(subject: Subject, run: Trial | None, rebuild: Trial | None) -> Verification:
    """Every check has a finding; `run` and `rebuild` are None where they aren't wanted."""
    findings = [_looked_at(check, subject) for check in QUESTIONS if check is not Check.HEALTH]
    findings.append(_health(subject, run))
    findings.append(
        _finding(Check.REPRODUCIBLE, subject, rebuild(subject))
        if rebuild is not None
        else Finding(Check.REPRODUCIBLE, Verdict.NOT_ASKED)
    )
    return Verification(subject.target.label, subject.image.result.digest, tuple(findings))


def _looked_at(check: Check, subject: Subject) -> Finding:
    if not concerns(check, subject):
        return Finding(check, Verdict.NOT_ASKED)
    return _finding(check, subject, problems(check, subject))


def _health(subject: Subject, run: Trial | None) -> Finding:
    found = problems(Check.HEALTH, subject)
    if not found and run is None:
        return Finding(Check.HEALTH, Verdict.NOT_ASKED)
    return _finding(Check.HEALTH, subject, found or (run(subject) if run is not None else ()))


def _finding(check: Check, subject: Subject, found: tuple[str, ...]) -> Finding:
    if not found:
        return Finding(check, Verdict.PASSED)
    waived = check in subject.target.strings("waive")
    return Finding(check, Verdict.WAIVED if waived else Verdict.FAILED, found)
