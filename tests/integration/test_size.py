"""`bs size` on the real images: all bytes accounted for, packages and distributions named, changes found."""

import uuid
from typing import Any

import pytest

from tests.commits import git
from tests.integration.real import Checkout

GO = "/usr/local/bin/http-worker: package "


def parts(document: Any, layer: str) -> dict[str, int]:
    (target,) = document["targets"]
    return {
        part["name"]: part["size_bytes"]
        for found in target["layers"]
        if found["name"] == layer
        for part in found["parts"]
    }


def test_all_bytes_are_in_one_part(platform: Checkout) -> None:
    ran = platform.bs("size", "--json")
    assert ran.code == 0, ran.err
    for target in ran.json["targets"]:
        image = platform.bs("image", target["label"], "--json").json
        for layer in target["layers"]:
            assert sum(part["size_bytes"] for part in layer["parts"]) == layer["size_bytes"]
            assert all(part["size_bytes"] > 0 or part["files"] for part in layer["parts"])
        assert sum(layer["size_bytes"] for layer in target["layers"]) == image["size_bytes"]
    lines = platform.bs("size").out.splitlines()
    assert lines[-1].startswith("7 images: ")


def test_go_is_told_by_package_and_python_by_distribution(platform: Checkout) -> None:
    go = parts(platform.bs("size", "http-worker", "--json").json, "image")
    assert go[f"{GO}net/http"] > 100_000
    assert go[f"{GO}aob.dev/platform/cmd/http-worker/fetch"] > 1000
    assert go["/usr/local/bin/http-worker: .gopclntab"] > 100_000
    assert go["/usr/local/bin/http-worker: (other text)"] < 10_000, "nearly all code has an owner"
    python = parts(platform.bs("size", "agent-runner-py", "--json").json, "requirements")
    assert any(name.startswith("uvicorn ") for name in python)
    rust = parts(platform.bs("size", "aob-cli", "--json").json, "image")
    assert rust["/usr/local/bin/aob: .text"] > 1_000_000


def write_xml(checkout: Checkout) -> None:
    """Makes http-worker need encoding/xml; new each time, as the store outlives a run of these tests."""
    path = "cmd/http-worker/main.go"
    checkout.edit(path, "import (\n", 'import (\n\t"encoding/xml"\n\t"os"\n')
    body = "if len(os.Args) > 9 {\n\t\tvar rows any\n\t\t_ = xml.Unmarshal(nil, &rows)\n\t}"
    checkout.edit(
        path, "func main()", f"// {uuid.uuid4()}\nfunc init() {{\n\t{body}\n}}\n\nfunc main()"
    )


def test_what_a_change_costs_is_named(checkout: Checkout) -> None:
    git(checkout.root, "init", "-q")
    git(checkout.root, "add", ".")
    git(checkout.root, "commit", "-qm", "before")
    before = checkout.bs("image", "http-worker", "--json").json["digest"]
    write_xml(checkout)
    ran = checkout.bs("size", "http-worker", "--against", "HEAD")
    assert (ran.code, "bs build //cmd/http-worker" in ran.err) == (36, True)
    checkout.build("http-worker")
    for against in ("HEAD", before, before[:19]):
        ran = checkout.bs("size", "http-worker", "--against", against, "--json")
        assert ran.code == 0, ran.err
        found = {
            one["name"]: (one["before_bytes"], one["after_bytes"]) for one in ran.json["changes"]
        }
        old, new = found[f"{GO}encoding/xml"]
        assert old is None
        assert new > 10_000
        assert f"{GO}encoding/csv" not in found
    lines = checkout.bs("size", "http-worker", "--against", "HEAD", "--top", "3").out.splitlines()
    assert "difference" in lines[0]
    assert lines[-1].endswith("in all")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["all", "--against", "HEAD"], 2, "compares one image"),
        (["http-worker", "--against", "nowhere"], 2, "`nowhere` can't be had"),
        (
            ["http-worker", "--against", f"sha256:{64 * '0'}"],
            36,
            f"no image sha256:{64 * '0'} is stored here",
        ),
    ],
)
def test_what_can_not_be_compared_is_refused(
    checkout: Checkout, arguments: list[str], code: int, said: str
) -> None:
    git(checkout.root, "init", "-q")
    ran = checkout.bs("size", *arguments)
    assert ran.code == code
    assert said in ran.err
