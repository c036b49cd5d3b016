"""The benchmarks still run; what they measure is nobody's business here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def test_finding_out_what_is_stale_is_measured(tmp_path: Path) -> None:
    said = tmp_path / "figures.json"
    subprocess.run(
        [sys.executable, "-m", "bench.finding_out", "--smoke", "--json", str(said)],
        cwd=Path(__file__).parents[1],
        check=True,
        capture_output=True,
        timeout=110,
    )
    sizes = json.loads(said.read_text())["sizes"]
    assert [size["targets"] for size in sizes] == [7, 50]
    for size in sizes:
        assert {"bs build all", "bs status all", "git status --porcelain"} <= size["figures"].keys()
        assert all(figure["median_s"] > 0 for figure in size["figures"].values())
        assert size["ratios"]
