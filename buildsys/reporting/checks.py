"""What `bs verify` found, for people and machines."""

from collections.abc import Iterator, Sequence

from buildsys.model.check import Check, Finding, Verdict, Verification
from buildsys.reporting.columns import columns
from buildsys.reporting.text import Colour, coloured

_WORDS = {
    Verdict.PASSED: ("ok", Colour.GREEN),
    Verdict.FAILED: ("FAILED", Colour.RED),
    Verdict.WAIVED: ("waived", Colour.YELLOW),
    Verdict.NOT_ASKED: ("-", Colour.DIM),
}


def verification_lines(found: Sequence[Verification], *, colour: bool) -> list[str]:
    """A row an image and a column a check, then what is wrong, then the sum."""
    header = ("target", *(str(check) for check in Check))
    rows = [(str(one.label), *(_word(finding) for finding in one.findings)) for one in found]
    lines = columns([header, *rows])
    shown = [
        coloured(lines[0], Colour.DIM, on=colour),
        *(_painted(x, on=colour) for x in lines[1:]),
    ]
    failed = sum(one.failed for one in found)
    shown += [line for one in found for line in _problems(one)]
    return [*shown, f"{len(found)} images: {len(found) - failed} as they should be, {failed} not"]


def _word(finding: Finding) -> str:
    return _WORDS[finding.verdict][0]


def _painted(line: str, *, on: bool) -> str:
    for verdict in (Verdict.FAILED, Verdict.WAIVED):
        word, colour = _WORDS[verdict]
        line = line.replace(f" {word}", f" {coloured(word, colour, on=on)}")
    return line


def _problems(one: Verification) -> Iterator[str]:
    for finding in one.findings:
        for problem in finding.problems:
            first, *rest = problem.splitlines()
            waived = " (waived)" if finding.verdict is Verdict.WAIVED else ""
            yield f"{one.label}: {finding.check}{waived}: {first}"
            yield from (f"    {line}" for line in rest)


def verification_document(workspace: str, found: Sequence[Verification]) -> dict[str, object]:
    return {
        "schema": 1,
        "workspace": workspace,
        "summary": {"images": len(found), "failed": sum(one.failed for one in found)},
        "targets": [
            {
                "label": str(one.label),
                "digest": one.digest,
                "checks": [
                    {
                        "name": finding.check,
                        "verdict": finding.verdict,
                        "problems": list(finding.problems),
                    }
                    for finding in one.findings
                ],
            }
            for one in found
        ],
    }
