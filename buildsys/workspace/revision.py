"""A workspace as it was at a revision, in a folder of its own; and which revision to compare with."""

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from buildsys.errors import UsageError
from buildsys.workspace.git import git

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@contextmanager
def at_revision(root: str, revision: str) -> Iterator[str]:
    """The folder, which is gone after the body.

    The files are those of a checkout, not those of `git archive`, which leaves out what is marked so.

    Raises:
        UsageError: the workspace is in no git repository, or there is no such revision.
    """
    with tempfile.TemporaryDirectory(prefix="bs-revision-") as folder:
        index = {"GIT_INDEX_FILE": os.path.join(folder, "index")}
        _done(root, revision, "read-tree", f"{revision}^{{commit}}", environment=index)
        # Run below the repository's top, git takes only what is there.
        tree = os.path.join(folder, "tree", "")
        os.mkdir(tree)
        _done(root, revision, "checkout-index", "-a", "-q", f"--prefix={tree}", environment=index)
        below = _done(root, revision, "rev-parse", "--show-prefix")
        yield os.path.join(tree, below)


def merge_base(root: str, revision: str) -> tuple[str, str]:
    """The commit in which HEAD and the revision have their common history, else "" and why there is none.

    Raises:
        UsageError: the workspace is in no git repository, or there is no such revision in a whole clone.
    """
    if _COMMIT.fullmatch(revision) and not revision.strip("0"):
        # What CI services name for a new branch.
        return "", "there is no earlier commit"
    known = git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    found = git(root, "merge-base", "HEAD", revision) if known.returncode == 0 else known
    if found.returncode == 0:
        return found.stdout.split()[0], ""
    if _done(root, revision, "rev-parse", "--is-shallow-repository") == "true":
        return "", f"this clone is shallow, and has no common history with `{revision}`"
    if known.returncode != 0 and _COMMIT.fullmatch(revision):
        # A branch that was pushed anew: what CI says it was before is nowhere any longer.
        return "", f"this clone doesn't have `{revision}`"
    if known.returncode != 0:
        raise UsageError(f"there is no `{revision}`", hint="name a commit, branch or tag")
    return "", f"HEAD and `{revision}` have no common history"


def is_tracked(root: str, path: str) -> bool:
    """Whether a file of the workspace is in git, rather than made by a build or left to each checkout."""
    return git(root, "ls-files", "--error-unmatch", "--", path).returncode == 0


def _done(
    root: str, revision: str, *arguments: str, environment: Mapping[str, str] | None = None
) -> str:
    done = git(root, *arguments, environment=environment)
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or [f"git {arguments[0]} failed"]
        raise UsageError(
            f"`{revision}` can't be had: {said[-1]}", hint="name a commit, branch or tag"
        )
    return done.stdout.strip()
