"""The memory of whole blobs: shared by processes, appended to, short in the long run."""

from pathlib import Path

import pytest

from buildsys.store.verified import Signature, VerifiedBlobs

FOUND: Signature = (1, 2, 3, 4)
OTHER: Signature = (5, 6, 7, 8)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store" / "verified"


def opened(path: Path, *, gone: frozenset[str] = frozenset()) -> VerifiedBlobs:
    return VerifiedBlobs(str(path), lambda digest: digest not in gone)


def test_nothing_is_known_at_first(path: Path) -> None:
    assert opened(path).get("sha256:a") is None


def test_others_learn_of_it(path: Path) -> None:
    opened(path).remember("sha256:a", FOUND)
    opened(path).remember("sha256:b", OTHER)
    later = opened(path)
    assert (later.get("sha256:a"), later.get("sha256:b")) == (FOUND, OTHER)


def test_the_last_line_of_a_digest_counts(path: Path) -> None:
    memory = opened(path)
    memory.remember("sha256:a", FOUND)
    memory.remember("sha256:a", OTHER)
    assert memory.get("sha256:a") == opened(path).get("sha256:a") == OTHER


def test_an_unfinished_line_spoils_only_itself(path: Path) -> None:
    opened(path).remember("sha256:a", FOUND)
    path.write_bytes(path.read_bytes() + b"sha256:b 1 2")
    opened(path).remember("sha256:c", OTHER)
    later = opened(path)
    assert (later.get("sha256:a"), later.get("sha256:c")) == (FOUND, OTHER)
    assert later.get("sha256:b") is None


def test_remembering_costs_one_line_however_many_are_known(path: Path) -> None:
    memory = opened(path)
    for number in range(50):
        memory.remember(f"sha256:{number}", FOUND)
    before = path.stat().st_size
    memory.remember("sha256:x", FOUND)
    assert path.stat().st_size - before < 50


def test_outdated_lines_and_blobs_that_are_gone_are_dropped_in_the_end(path: Path) -> None:
    memory = opened(path)
    memory.remember("sha256:gone", FOUND)
    for number in range(600):
        memory.remember("sha256:a", (number, 0, 0, 0))
    later = opened(path, gone=frozenset({"sha256:gone"}))
    assert later.get("sha256:a") == (599, 0, 0, 0)
    assert path.read_text() == "sha256:a 599 0 0 0\n"


def test_what_cannot_be_written_is_known_to_this_process(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    memory = opened(tmp_path / "file" / "verified")
    memory.remember("sha256:a", FOUND)
    assert memory.get("sha256:a") == FOUND
