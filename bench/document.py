"""docs/benchmarks.md: each benchmark writes its own section of it."""

import os
import platform
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"


def write_section(title: str, lines: Iterable[str]) -> None:
    """Put the section in the place of the one of the same title, or at the end."""
    sections = re.split(r"(?m)^(?=## )", PAGE.read_text()) if PAGE.exists() else []
    head = sections[0] if sections and not sections[0].startswith("## ") else "# Benchmarks\n\n"
    others = [one.rstrip() + "\n\n" for one in sections if one.startswith("## ")]
    text = f"## {title}\n\n" + "\n".join(lines).strip() + "\n\n"
    begins = f"## {title}\n"
    if any(one.startswith(begins) for one in others):
        others = [text if one.startswith(begins) else one for one in others]
    else:
        others.append(text)
    PAGE.write_text((head + "".join(others)).rstrip() + "\n")


def machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GB, {system}, shared with others: trust the ratios."
    )


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Markdown; all columns but the first end at the right."""
    marks = ["---", *("--:" for _ in header[1:])]
    return [f"| {' | '.join(row)} |" for row in (header, marks, *rows)]
