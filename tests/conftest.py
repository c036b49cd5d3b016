"""What all tests share: the option that rewrites golden files, fixtures of doubles, hypothesis' profile."""

from pathlib import Path

import hypothesis
import pytest

from tests.builds import Checkout
from tests.fakes import MemoryStore

# The same cases in every run: a failure that only some runs see teaches people to run again.
hypothesis.settings.register_profile("fast", derandomize=True, deadline=None, max_examples=60)
hypothesis.settings.load_profile("fast")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="Rewrite the golden files.")


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture
def memory_store(tmp_path: Path) -> MemoryStore:
    return MemoryStore(str(tmp_path / "store"))


@pytest.fixture
def checkout(memory_store: MemoryStore) -> Checkout:
    return Checkout(memory_store, {})
