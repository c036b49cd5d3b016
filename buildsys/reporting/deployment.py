"""Which images a build came to, for whoever deploys them: label → digest. See docs/ci.md."""

from buildsys.execution.report import BuildReport

SCHEMA = 1


def deployment_document(
    workspace: str, commit: str, platform: str, report: BuildReport
) -> dict[str, object]:
    """Of targets whose image couldn't be had, only the label."""
    return {
        "schema": SCHEMA,
        "workspace": workspace,
        "commit": commit or None,
        "platform": platform,
        "complete": all(target.image for target in report.targets),
        "missing": [str(target.label) for target in report.targets if not target.image],
        "images": {
            str(target.label): {
                "name": target.label.name,
                "digest": target.image.digest,
                "key": target.layers[-1].key,
                "size_bytes": target.image.unpacked_bytes,
                "compressed_size_bytes": target.image.size_bytes,
            }
            for target in report.targets
            if target.image
        },
    }
