"""What a change reaches, for people, scripts and the matrix of a CI service."""

import json
from collections.abc import Iterator, Sequence

from buildsys.keys.affected import Affected
from buildsys.reporting.documents import SCHEMA, reason_document


def affected_lines(targets: Sequence[Affected], *, explain: bool) -> list[str]:
    """A label a line, as `bs build` takes them; with reasons, one a line below each."""
    return [
        line for one in targets for line in (str(one.label), *(_reasons(one) if explain else ()))
    ]


def _reasons(one: Affected) -> Iterator[str]:
    for layer in one.layers:
        for reason in layer.reasons:
            yield f"    {layer.name}: {reason}"


def affected_document(
    workspace: str, since: str, commit: str, targets: Sequence[Affected], of: int
) -> dict[str, object]:
    """`commit` is the merge base, "" where nothing was compared; `of` counts the targets looked at."""
    return {
        "schema": SCHEMA,
        "workspace": workspace,
        "since": since,
        "merge_base": commit or None,
        "summary": {"targets": of, "affected": len(targets)},
        "targets": [_target(one) for one in targets],
    }


def _target(one: Affected) -> dict[str, object]:
    return {
        "label": str(one.label),
        "rule": one.rule,
        "image": one.image,
        "tests": one.tests,
        "layers": [
            {
                "name": layer.name,
                "role": layer.role,
                "reasons": [reason_document(reason) for reason in layer.reasons],
            }
            for layer in one.layers
        ],
    }


def matrix(targets: Sequence[Affected]) -> str:
    """What `strategy.matrix` of GitHub Actions takes, on one line: `{"include":[]}` if nothing is affected."""
    include = [
        {
            "label": str(one.label),
            "name": one.label.name,
            "rule": one.rule,
            "image": one.image,
            "tests": one.tests,
        }
        for one in targets
    ]
    return json.dumps({"include": include}, separators=(",", ":"))
