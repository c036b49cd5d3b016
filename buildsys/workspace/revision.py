"""A workspace as it was at a revision, in a folder of its own."""

import os
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from buildsys.errors import UsageError


@contextmanager
def at_revision(root: str, revision: str) -> Iterator[str]:
    """The folder, which is gone after the body.

    Raises:
        UsageError: the workspace is in no git repository, or there is no such revision.
    """
    with tempfile.TemporaryDirectory(prefix="bs-revision-") as folder:
        archive = os.path.join(folder, "tree.tar")
        # Run below the repository's top, `git archive` takes only what is there.
        command = [
            "git",
            "-C",
            root,
            "archive",
            "--format=tar",
            "-o",
            archive,
            f"{revision}^{{commit}}",
        ]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            raise UsageError(f"git can't be run: {error.strerror}") from None
        if done.returncode != 0:
            said = done.stderr.strip().splitlines() or ["git archive failed"]
            raise UsageError(
                f"`{revision}` can't be had: {said[-1]}", hint="name a commit, branch or tag"
            )
        tree = os.path.join(folder, "tree")
        with tarfile.open(archive) as tar:
            tar.extractall(tree, filter="tar")
        yield tree
