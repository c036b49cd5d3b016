"""What is known of modules: kept under all that it depends on, unknown again if anything is wrong."""

from dataclasses import replace
from pathlib import Path

import pytest

from buildsys.model.sources import GoModule
from buildsys.sights import Sights
from buildsys.store.module_facts import StoredFacts

ZAP = GoModule("example.com/zap", "example.com/zap", "v1.0.0", ("h1:abc=",))
IMPORTS = {"example.com/zap": ("fmt", "net"), "example.com/zap/x": ()}


@pytest.fixture
def facts(tmp_path: Path) -> StoredFacts:
    found = StoredFacts(str(tmp_path), {"golang": "sha256:go"}, "linux/amd64", ("netgo",), Sights())
    found.learn("golang", {ZAP: IMPORTS})
    return found


def test_what_was_learnt_is_known_to_the_next_process(facts: StoredFacts) -> None:
    assert replace(facts, sights=Sights()).imports("golang", ZAP) == IMPORTS
    assert facts.imports("golang", replace(ZAP, version="v1.0.1")) is None


@pytest.mark.parametrize(
    "other",
    [
        replace(ZAP, path="example.com/zip"),
        replace(ZAP, source="example.com/fork"),
        replace(ZAP, version="v1.0.1"),
        replace(ZAP, sums=("h1:def=",)),
    ],
)
def test_it_is_known_of_that_content_only(facts: StoredFacts, other: GoModule) -> None:
    assert facts.imports("golang", other) is None


def test_another_toolchain_platform_or_tag_sees_other_files(facts: StoredFacts) -> None:
    assert replace(facts, toolchains={"golang": "sha256:x"}).imports("golang", ZAP) is None
    assert replace(facts, platform="linux/arm64").imports("golang", ZAP) is None
    assert replace(facts, tags=()).imports("golang", ZAP) is None
    assert facts.imports("a base that is missing", ZAP) is None


@pytest.mark.parametrize("damage", [b"", b"x", b"deadbeef\n{}", None])
def test_damage_is_unknown_and_learning_again_mends_it(
    facts: StoredFacts, tmp_path: Path, damage: bytes | None
) -> None:
    (path,) = (path for path in tmp_path.rglob("*") if path.is_file())
    content = path.read_bytes()
    path.write_bytes(content[:-3] if damage is None else damage)
    assert facts.imports("golang", ZAP) is None
    facts.learn("golang", {ZAP: IMPORTS})
    assert facts.imports("golang", ZAP) == IMPORTS


def test_an_answer_depends_on_what_was_unknown_too(facts: StoredFacts) -> None:
    other = replace(ZAP, version="v2.0.0")
    facts.imports("golang", other)
    (row,) = facts.sights.rows()
    assert row[2] is None, "looked at, and not there"
