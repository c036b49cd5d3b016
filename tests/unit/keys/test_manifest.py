"""Every field of a manifest enters the key, and nothing else does."""

from collections.abc import Callable
from dataclasses import fields, replace

import pytest

from buildsys.keys.manifest import encode, key_of, manifest_of
from buildsys.model.action import Action, Manifest, Role, SourceInput
from buildsys.model.digest import ActionKey
from buildsys.model.dockerfile import Stage
from tests.fakes import DictFiles, File

LOWER = ActionKey("1" * 64)
OTHER = ActionKey("2" * 64)
FILES = {
    "a.go": File(b"package a"),
    "b.go": File(b"package b"),
    "main.rs": File(b"fn main() {}"),
    "link": File(link="a.go"),
}
BASES = {"alpine": "docker.io/library/alpine:3.22@sha256:" + "a" * 64}
ACTION = Action(
    layer="image",
    role=Role.CODE,
    rule="go_image",
    rule_version=1,
    stages=(Stage("build", "below", ("RUN one",)), Stage("image", "alpine", ("RUN two",))),
    platform="linux/amd64",
    sources=(SourceInput("sources", ("a.go", "b.go", "link"), ("main.rs",)),),
    bases=("alpine",),
    layers=("below",),
    rewrite_times=True,
)


def manifest(
    action: Action = ACTION,
    files: dict[str, File] | None = None,
    bases: dict[str, str] | None = None,
    below: ActionKey = LOWER,
) -> Manifest:
    layers = {"below": below, "stand-in": OTHER}
    return manifest_of(action, DictFiles(files or FILES), bases or BASES, layers)


def test_a_manifest_says_in_plain_words_what_enters() -> None:
    assert manifest() == {
        "schema": 2,
        "rule": "go_image/1",
        "layer": "image",
        "platform": "linux/amd64",
        "dockerfile": "FROM below AS build\nRUN one\n\nFROM alpine AS image\nRUN two\n",
        "stage": "image",
        "inputs": {
            "sources": {
                "a.go": str(DictFiles(FILES).state("a.go")),
                "b.go": str(DictFiles(FILES).state("b.go")),
                "link": "-> a.go",
                "main.rs": "empty",
            }
        },
        "bases": {"alpine": "sha256:" + "a" * 64},
        "layers": {"below": LOWER},
        "rewrite_times": True,
    }


def _stages(*stages: Stage) -> Manifest:
    return manifest(replace(ACTION, stages=stages))


BUILD, IMAGE = ACTION.stages

# Manifest field → changes of the world that must reach the key through it.
CHANGES: dict[str, list[Callable[[], Manifest]]] = {
    "schema": [lambda: {**manifest(), "schema": 3}],
    "rule": [
        lambda: manifest(replace(ACTION, rule="python_image")),
        lambda: manifest(replace(ACTION, rule_version=2)),
    ],
    "layer": [lambda: manifest(replace(ACTION, layer="picture"))],
    "platform": [lambda: manifest(replace(ACTION, platform="linux/arm64"))],
    "dockerfile": [
        lambda: _stages(BUILD, replace(IMAGE, instructions=("RUN three",))),
        lambda: _stages(replace(BUILD, base="alpine"), IMAGE),
        lambda: _stages(replace(BUILD, name="compile"), IMAGE),
        lambda: _stages(BUILD, replace(IMAGE, instructions=("RUN two", "USER 1"))),
    ],
    "stage": [lambda: _stages(IMAGE, BUILD)],
    "inputs": [
        lambda: manifest(files=FILES | {"a.go": File(b"package A")}),
        lambda: manifest(files=FILES | {"a.go": File(b"package a", executable=True)}),
        lambda: manifest(files=FILES | {"a.go": File(link="b.go")}),
        lambda: manifest(files=FILES | {"link": File(link="b.go")}),
        lambda: manifest(replace(ACTION, sources=(SourceInput("sources", ("a.go", "link")),))),
        lambda: manifest(replace(ACTION, sources=(replace(ACTION.sources[0], context="other"),))),
        lambda: manifest(replace(ACTION, sources=(replace(ACTION.sources[0], names_only=()),))),
        lambda: manifest(
            replace(ACTION, sources=(replace(ACTION.sources[0], names_only=("lib.rs",)),))
        ),
        lambda: manifest(
            replace(ACTION, sources=(replace(ACTION.sources[0], derived=(("a.go", "package"),)),))
        ),
        lambda: manifest(
            replace(
                ACTION, sources=(SourceInput("sources", ("a.go", "b.go", "link", "main.rs"), ()),)
            )
        ),
    ],
    "bases": [
        lambda: manifest(bases={"alpine": BASES["alpine"].replace("a" * 64, "b" * 64)}),
        lambda: manifest(replace(ACTION, bases=())),
    ],
    "layers": [lambda: manifest(below=OTHER), lambda: manifest(replace(ACTION, layers=()))],
    "rewrite_times": [lambda: manifest(replace(ACTION, rewrite_times=False))],
}


def test_each_field_of_the_manifest_has_a_case_here() -> None:
    assert set(CHANGES) == set(manifest())


@pytest.mark.parametrize("field", sorted(CHANGES))
def test_each_field_of_the_manifest_changes_the_key(field: str) -> None:
    for change in CHANGES[field]:
        changed = change()
        assert changed[field] != manifest()[field]
        assert key_of(changed) != key_of(manifest())


def test_all_keys_of_all_single_changes_differ() -> None:
    keys = [key_of(change()) for changes in CHANGES.values() for change in changes]
    assert len({*keys, key_of(manifest())}) == len(keys) + 1


# Field of an action → the manifest field that it enters by; None where it can't influence a result.
WHERE = {
    "layer": "layer",
    "role": None,
    "rule": "rule",
    "rule_version": "rule",
    "stages": "dockerfile",
    "platform": "platform",
    "sources": "inputs",
    "bases": "bases",
    "layers": "layers",
    "stand_ins": "layers",
    "pinned": "layers",
    "accelerator": None,
    "awaits": None,
    "unknown": None,
    "rewrite_times": "rewrite_times",
}


def test_each_field_of_an_action_is_accounted_for() -> None:
    assert {field.name for field in fields(Action)} == set(WHERE)


@pytest.mark.parametrize(
    "other",
    [
        replace(ACTION, role=Role.DEPENDENCY),
        replace(ACTION, accelerator=True),
        replace(ACTION, awaits="below", unknown=("something",)),
    ],
)
def test_what_cannot_influence_the_result_does_not_enter(other: Action) -> None:
    assert key_of(manifest(other)) == key_of(manifest())


def test_the_same_base_from_another_registry_is_the_same_base() -> None:
    mirrored = {"alpine": "mirror.example/alpine@sha256:" + "a" * 64}
    stored = {"alpine": "sha256:" + "a" * 64}
    assert manifest(bases=mirrored) == manifest() == manifest(bases=stored)


def test_an_accelerator_enters_by_its_stand_in() -> None:
    accelerated = replace(ACTION, stand_ins={"below": "stand-in"})
    assert manifest(accelerated)["layers"] == {"below": OTHER}
    assert manifest(accelerated, below=ActionKey("3" * 64)) == manifest(accelerated)


def test_a_pinned_layer_enters_by_no_key() -> None:
    pinned = replace(ACTION, pinned=("below",))
    assert manifest(pinned)["layers"] == {}
    assert manifest(pinned, below=ActionKey("3" * 64)) == manifest(pinned)


def test_a_file_that_enters_by_name_is_never_read() -> None:
    files = {path: file for path, file in FILES.items() if path != "main.rs"}
    assert manifest(files=files) == manifest()


def test_a_file_that_enters_by_content_too_enters_by_content() -> None:
    both = replace(ACTION, sources=(SourceInput("sources", ("a.go",), ("a.go",)),))
    only = replace(ACTION, sources=(SourceInput("sources", ("a.go",)),))
    assert manifest(both) == manifest(only)


def test_the_order_of_declaring_does_not_matter() -> None:
    turned = replace(
        ACTION, sources=(SourceInput("sources", ("link", "b.go", "a.go"), ("main.rs",)),)
    )
    assert encode(manifest(turned)) == encode(manifest())


def test_a_key_is_not_the_plain_hash_of_its_json() -> None:
    import hashlib  # noqa: PLC0415

    assert key_of(manifest()) != hashlib.sha256(encode(manifest())).hexdigest()
