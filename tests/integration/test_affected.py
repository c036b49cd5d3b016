"""`bs affected` in a real checkout: what it names is what a build makes anew, and nothing else."""

import os

from tests.commits import git
from tests.integration.real import Checkout

UNUSED = "github.com/pkg/errors"


def committed(checkout: Checkout) -> Checkout:
    git(checkout.root, "init", "-q")
    git(checkout.root, "add", ".")
    git(checkout.root, "commit", "-qm", "first")
    return checkout


def affected(checkout: Checkout, *options: str) -> set[str]:
    ran = checkout.bs("affected", "--since", "HEAD", "--json", *options)
    assert (ran.code, ran.err) == (0, "")
    return {target["label"].removeprefix("//cmd/") for target in ran.json["targets"]}


def test_what_is_affected_is_what_is_built(platform: Checkout, checkout: Checkout) -> None:
    committed(checkout)
    with (checkout.root / "go.mod").open("a") as file:
        file.write("\n// a comment\n")
    with (checkout.root / "go.sum").open("a") as file:
        file.write(f"{UNUSED} v0.9.1 h1:FEBLx1zS214owpjy7qsBeixbURkuhQAwrK5UwLGTwt4=\n")
    assert affected(checkout) == set(), "no service notices"
    token = os.urandom(8).hex()
    for path in (
        "cmd/agent-runner-py/agent_runner/text.py",
        "cmd/agent-runner-py/requirements.txt",
    ):
        with (checkout.root / path).open("a") as file:
            file.write(f"# {token}\n")
    checkout.edit("cmd/fanout/main.go", "package main\n", f"package main\n\n// {token}\n")
    with (checkout.root / "cmd/hitl-worker/approvals/approvals_test.go").open("a") as file:
        file.write(f"// {token}\n")
    named = affected(checkout, "--only", "images")
    images = {name for name, layer in checkout.built("all") if layer == "image"}
    assert images == named == {"agent-runner-py", "fanout"}
    assert affected(checkout) == {*named, "hitl-worker"}
    # Where nobody has built, any line of go.sum may matter to the services that use modules at all.
    (checkout.root / "go.sum").write_bytes((platform.root / "go.sum").read_bytes())
    elsewhere = checkout.bs(
        "affected", "--since", "HEAD", BS_CACHE_DIR=str(checkout.root / ".empty")
    )
    assert elsewhere.out.split() == [f"//cmd/{name}" for name in sorted({*named, "hitl-worker"})]
