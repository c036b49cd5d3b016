"""Which commits the branches and tags of a repository stand on."""

from collections.abc import Iterable

from buildsys.errors import UsageError
from buildsys.workspace.git import git

_FURTHEST = 2_000
"""How many commits back is looked for one that was built."""


def tips(root: str) -> tuple[str, ...]:
    """The commits of all branches and tags: those of `origin` where there is one, else those that are here.

    Raises:
        UsageError: there is no git repository, or `origin` doesn't answer.
    """
    if "origin" in _said(root, "remote").split():
        lines = _said(root, "ls-remote", "--heads", "--tags", "origin").splitlines()
        # A tag with a text of its own has another line, with the commit behind it.
        return tuple(sorted({line.split("\t")[0] for line in lines}))
    format_ = "--format=%(objectname) %(*objectname)"
    return tuple(sorted(set(_said(root, "for-each-ref", format_).split())))


def standing_on(root: str, commits: Iterable[str], built: frozenset[str]) -> frozenset[str]:
    """The commits that were built, and are these or the nearest ones before them."""
    found: set[str] = set()
    for commit in commits:
        if commit in built:
            found.add(commit)
            continue
        try:
            history = _said(root, "rev-list", f"--max-count={_FURTHEST}", commit, "--").split()
        except UsageError:
            continue  # it isn't here: nothing is known of what is before it
        nearest = next((one for one in history if one in built), None)
        found |= {nearest} if nearest is not None else set()
    return frozenset(found)


def _said(root: str, *arguments: str) -> str:
    done = git(root, *arguments)
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["it failed"]
        raise UsageError(f"`git {arguments[0]}`: {said[-1]}")
    return done.stdout
