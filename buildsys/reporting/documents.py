"""The JSON documents of `bs status --json` and `bs build --json`; their fields are a contract."""

import json
from collections.abc import Mapping, Sequence

from buildsys.execution.lookup import LayerState, LayerStatus, TargetStatus
from buildsys.execution.report import BuildReport, LayerReport, TargetReport
from buildsys.keys.explain import Reason
from buildsys.model.action import ActionResult

SCHEMA = 1


def status_document(workspace: str, targets: Sequence[TargetStatus]) -> dict[str, object]:
    fresh = sum(target.state is LayerState.FRESH for target in targets)
    remote = sum(target.state is LayerState.REMOTE for target in targets)
    elsewhere = {"remote": remote} if remote else {}
    return {
        "schema": SCHEMA,
        "workspace": workspace,
        "summary": {"targets": len(targets), "fresh": fresh, "stale": len(targets) - fresh - remote}
        | elsewhere,
        "targets": [
            {
                "label": str(target.label),
                "rule": target.rule,
                "state": target.state,
                "layers": [_layer_status(layer) for layer in target.layers],
            }
            for target in targets
        ],
    }


def _layer_status(layer: LayerStatus) -> dict[str, object]:
    return {
        "name": layer.name,
        "role": layer.role,
        "state": layer.state,
        "key": layer.key,
        **_stored(layer.result),
        "reasons": [reason_document(reason) for reason in layer.reasons],
    }


def _stored(result: ActionResult | None) -> dict[str, object]:
    return {
        "digest": result.digest if result else None,
        "size_bytes": result.size_bytes if result else None,
    }


def reason_document(reason: Reason) -> dict[str, str]:
    document = {"code": str(reason.code)}
    if reason.path:
        document["path"] = reason.path
    if reason.subject:
        document["subject"] = reason.subject
    return document


def build_document(
    workspace: str, report: BuildReport, reasons: Mapping[str, Sequence[Reason]]
) -> dict[str, object]:
    """`reasons` has, by key, why layers weren't fresh before the build."""
    return {
        "schema": SCHEMA,
        "workspace": workspace,
        "targets": [_target_report(target, reasons) for target in report.targets],
        "engine": {"solves": report.solves, "by_address": dict(report.solves_by_engine)},
        "duration_s": round(report.duration_s, 3),
        "critical_path": [
            {
                "layer": step.layer,
                "labels": [str(label) for label in step.labels],
                "duration_s": round(step.duration_s, 3),
            }
            for step in report.critical_path
        ],
    }


def _target_report(
    target: TargetReport, reasons: Mapping[str, Sequence[Reason]]
) -> dict[str, object]:
    image = target.image
    return {
        "label": str(target.label),
        "rule": target.rule,
        "outcome": target.outcome,
        "layers": [_layer_report(layer, reasons) for layer in target.layers],
        "image": {
            "digest": image.digest,
            "size_bytes": image.unpacked_bytes,
            "compressed_size_bytes": image.size_bytes,
        }
        if image
        else None,
        "max_size_bytes": target.max_size,
    }


def _layer_report(layer: LayerReport, reasons: Mapping[str, Sequence[Reason]]) -> dict[str, object]:
    return {
        "name": layer.name,
        "role": layer.role,
        "outcome": layer.outcome,
        "key": layer.key,
        **_stored(layer.result),
        "duration_s": round(layer.duration_s, 3),
        "saved_s": round(layer.saved_s, 3),
        "engine": layer.engine or None,
        "reasons": [reason_document(reason) for reason in reasons.get(layer.key or "", ())],
    }


def dumped(document: Mapping[str, object]) -> str:
    return json.dumps(document, indent=2)
