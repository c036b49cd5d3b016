"""What rustc remembers in BuildKit's cache mount makes builds quicker, and never changes an image."""

import os

from tests.integration.real import Checkout
from tests.integration.test_eject import buildctl

LABEL = "//cmd/aob-cli"
SOURCES = "cmd/aob-cli/src"
EDITS = (
    (f"{SOURCES}/follow.rs", "; trying again", "; once more"),
    (f"{SOURCES}/commands.rs", "use ", "\n// All lines move, and with them the places in panics.\n\nuse "),
    (f"{SOURCES}/follow.rs", "; once more", "; and again"),
    (f"{SOURCES}/commands.rs", "can't read `{path}`", "cannot read `{path}`"),
    (f"{SOURCES}/commands.rs", "nothing waits for approval", "nobody waits for approval"),
)  # fmt: skip
"""All but the second, which only moves lines, reach the program; the third undoes the first."""
MOUNTS = "type==exec.cachemount"


def image(checkout: Checkout) -> str:
    """The digest after a build in which only the code was compiled."""
    (target,) = checkout.build(LABEL)["targets"]
    assert {la["name"] for la in target["layers"] if la["outcome"] == "built"} == {"image"}
    return str(target["image"]["digest"])


def same_again(checkout: Checkout) -> str:
    """The digest of a program that differs in a comment at its end: under another key, compiled again."""
    main = checkout.root / SOURCES / "main.rs"
    before = main.read_text()
    main.write_text(f"{before}// {os.urandom(8).hex()}\n")
    digest = image(checkout)
    main.write_text(before)
    return digest


def remembered(checkout: Checkout) -> str:
    return buildctl(checkout, "du", "--verbose", "--filter", MOUNTS).out


def forget(checkout: Checkout) -> None:
    assert buildctl(checkout, "prune", "--all", "--filter", MOUNTS).code == 0
    assert "/incremental" not in remembered(checkout)


def test_images_are_the_same_whatever_rustc_remembers(private: Checkout) -> None:
    checkout = private
    same_again(checkout)
    assert "/incremental" in remembered(checkout), "there is something to remember"
    after_another: list[str] = []
    after_itself: list[str] = []
    after_nothing: list[str] = []
    for path, old, new in EDITS:
        checkout.edit(path, old, new)
        after_another.append(same_again(checkout))
        after_itself.append(same_again(checkout))
    for path, old, new in reversed(EDITS):
        forget(checkout)
        after_nothing.insert(0, same_again(checkout))
        checkout.edit(path, new, old)
    assert after_another == after_itself == after_nothing
    assert len(set(after_nothing)) >= len(EDITS) - 1, "edits reach the program"
