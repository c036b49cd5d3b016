"""`make docs`: writes what is generated, the BUILD.yaml reference and the JSON Schema for editors."""

import json
from pathlib import Path

from buildsys.loading.reference import reference
from buildsys.loading.schema import json_schema
from buildsys.rules.registry import RULES

DOCS = Path(__file__).parents[1] / "docs"


def generated() -> dict[str, str]:
    """File name in docs/ → content."""
    return {
        "build-files.md": reference(RULES),
        "build-files.schema.json": json.dumps(json_schema(RULES), indent=2) + "\n",
    }


if __name__ == "__main__":
    for name, content in generated().items():
        (DOCS / name).write_text(content, encoding="utf-8")
