"""What is said of a released image: bill of materials and provenance, as files in `release/`.

`pytest --update-golden` rewrites them; read the diff.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser import JsonLikeDictParser
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from buildsys.keys.keying import keyed
from buildsys.model.components import Component, Ecosystem
from buildsys.model.digest import Digest, ImageDigest, digest_of
from buildsys.model.label import Label
from buildsys.release.provenance import Making, provenance
from buildsys.release.spdx import Origin, bill_of_materials
from buildsys.release.subject import Subject
from tests.golden.test_rules import NOTICING, files_of
from tests.targets import PINS, PLATFORM, go

HERE = Path(__file__).parent / "release"
SUBJECT = Subject(Label.parse("//cmd/api"), Digest(f"sha256:{'a' * 64}"), PLATFORM)
COMPONENTS = (
    Component(Ecosystem.GO, "stdlib", "1.24.4"),
    Component(
        Ecosystem.GO,
        "example.com/zap",
        "v1.0.0+incompatible",
        sum="h1:zap=",
        origin="https://proxy.golang.org/example.com/zap/@v/v1.0.0+incompatible.zip",
    ),
    Component(Ecosystem.PYTHON, "typing_extensions", "4.16.0", licence="PSF-2.0"),
    Component(
        Ecosystem.RUST,
        "clap",
        "4.5.0",
        checksum=Digest(f"sha256:{'b' * 64}"),
        origin="https://static.crates.io/crates/clap/clap-4.5.0.crate",
        found=False,
    ),
    Component(Ecosystem.DEBIAN, "libc6", "1:2.41-12", "debian", "amd64"),
    Component(Ecosystem.ALPINE, "musl", "1.2.5-r10", "alpine", "x86_64"),
)
BASES = (
    Origin("python", f"sha256:{'c' * 64}", ("busybox-static", "python3.13")),
    Origin("alpine", f"docker.io/library/alpine:3.22@sha256:{'d' * 64}"),
)


def making() -> Making:
    target = go(replace(NOTICING, plain=()))
    (found,) = keyed([target], files_of(target), PINS)
    return Making(
        target=found,
        layers={found.layers[0].key: ImageDigest(f"sha256:{'e' * 64}")},
        bases=PINS,
        made_by={"host": "ci-1", "bs": "0.1.0", "commit": "1" * 40},
        builder="https://ci.example.com/workers",
        repository="git+https://git.example.com/shop",
        commit="1" * 40,
    )


def checked(name: str, content: bytes, *, update_golden: bool) -> Any:
    if update_golden:
        (HERE / name).write_bytes(content)
    assert content == (HERE / name).read_bytes(), f"{name}: `pytest --update-golden`?"
    return json.loads(content)


def test_a_bill_of_materials_is_valid_spdx(*, update_golden: bool) -> None:
    content = bill_of_materials(SUBJECT, COMPONENTS, BASES)
    found = checked("bill.spdx.json", content, update_golden=update_golden)
    document = JsonLikeDictParser().parse(found)  # type: ignore[no-untyped-call]
    assert validate_full_spdx_document(document) == []
    assert len(document.packages) == 1 + len(BASES) + len(COMPONENTS)


def test_a_bill_of_materials_does_not_depend_on_the_order_of_what_was_found() -> None:
    backwards = bill_of_materials(SUBJECT, reversed(COMPONENTS + COMPONENTS), BASES)
    assert backwards == bill_of_materials(SUBJECT, COMPONENTS, BASES)


def test_provenance_names_base_commit_and_files_by_digest(*, update_golden: bool) -> None:
    content = provenance(SUBJECT, making())
    predicate = checked("provenance.json", content, update_golden=update_golden)["predicate"]
    found = {
        one["name"]: next(iter(one["digest"].values()))
        for one in predicate["buildDefinition"]["resolvedDependencies"]
    }
    assert found["sources"] == "1" * 40
    assert found["base golang"] == PINS["golang"].rpartition(":")[2]
    main = digest_of(b"content of cmd/api/main.go\n")
    assert f"sha256:{found['cmd/api/main.go']}" == main


def test_provenance_claims_no_commit_and_no_repository_that_is_not_known() -> None:
    assert sources_of(replace(making(), commit="")) == []
    only_commit = {"name": "sources", "digest": {"gitCommit": "1" * 40}}
    assert sources_of(replace(making(), repository="")) == [only_commit]


def sources_of(made: Making) -> list[Any]:
    content = json.loads(provenance(SUBJECT, made))
    materials = content["predicate"]["buildDefinition"]["resolvedDependencies"]
    return [one for one in materials if one["name"] == "sources"]
