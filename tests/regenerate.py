"""`make docs`: writes what is generated, the BUILD.yaml reference."""

from pathlib import Path

from buildsys.loading.reference import reference
from buildsys.rules.registry import RULES

PAGE = Path(__file__).parents[1] / "docs" / "build-files.md"

if __name__ == "__main__":
    PAGE.write_text(reference(RULES), encoding="utf-8")
