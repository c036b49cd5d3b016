"""Which commits the branches and tags of a repository stand on."""

import subprocess
from collections.abc import Iterable

from buildsys.errors import UsageError

_FURTHEST = 2_000
"""How many commits back is looked for one that was built."""


def tips(root: str) -> tuple[str, ...]:
    """The commits of all branches and tags: those of `origin` where there is one, else those that are here.

    Raises:
        UsageError: there is no git repository, or `origin` doesn't answer.
    """
    if "origin" in _git(root, "remote").split():
        lines = _git(root, "ls-remote", "--heads", "--tags", "origin").splitlines()
        # A tag with a text of its own has another line, with the commit behind it.
        return tuple(sorted({line.split("\t")[0] for line in lines}))
    format_ = "--format=%(objectname) %(*objectname)"
    return tuple(sorted(set(_git(root, "for-each-ref", format_).split())))


def standing_on(root: str, commits: Iterable[str], built: frozenset[str]) -> frozenset[str]:
    """The commits that were built, and are these or the nearest ones before them."""
    found: set[str] = set()
    for commit in commits:
        if commit in built:
            found.add(commit)
            continue
        try:
            history = _git(root, "rev-list", f"--max-count={_FURTHEST}", commit, "--").split()
        except UsageError:
            continue  # it isn't here: nothing is known of what is before it
        nearest = next((one for one in history if one in built), None)
        found |= {nearest} if nearest is not None else set()
    return frozenset(found)


def _git(root: str, *arguments: str) -> str:
    command = ["git", "-C", root, *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise UsageError(f"git can't be run: {error.strerror}") from None
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["it failed"]
        raise UsageError(f"`git {arguments[0]}`: {said[-1]}")
    return done.stdout
