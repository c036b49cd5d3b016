"""What git says of a checkout: commit, branch, where it came from, and what differs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from buildsys.errors import UsageError
from buildsys.workspace.git import git

_BRANCHES = (
    "GITHUB_HEAD_REF", "GITHUB_REF_NAME", "CI_COMMIT_REF_NAME", "BUILDKITE_BRANCH", "CIRCLE_BRANCH",
    "BRANCH_NAME",
)  # fmt: skip
"""Where CI systems, which check out commits rather than branches, say which branch it is."""


@dataclass(slots=True)
class Checkout:
    """The git repository around a workspace; every answer is empty where there is none."""

    root: str
    environment: Mapping[str, str] = field(default_factory=dict)
    _listed: dict[str, frozenset[str]] = field(default_factory=dict)
    _changed: dict[str, frozenset[str]] = field(default_factory=dict)

    def commit(self) -> str:
        return self._git("rev-parse", "--verify", "--quiet", "HEAD").strip()

    def branch(self) -> str:
        named = self._git("symbolic-ref", "--quiet", "--short", "HEAD").strip()
        return named or next(filter(None, map(self.environment.get, _BRANCHES)), "")

    def is_changed(self) -> bool:
        """Whether files differ from the commit, or aren't in it and not ignored either."""
        return bool(self._git("status", "--porcelain", "--untracked-files=normal", "--", "."))

    def remote(self) -> str:
        """URI of the repository that this one was cloned from, without credentials."""
        url = self._git("config", "--get", "remote.origin.url").strip()
        found = urlsplit(url)
        if found.scheme in {"http", "https", "ssh"} and found.hostname:
            port = f":{found.port}" if found.port else ""
            return f"git+{found.scheme}://{found.hostname}{port}{found.path}"
        user_at_host, colon, path = url.partition(":")
        if not colon or "/" in user_at_host:
            return ""
        return f"git+ssh://{user_at_host.rpartition('@')[2]}/{path.lstrip('/')}"

    def has(self, commit: str, paths: frozenset[str]) -> bool:
        """Whether these files are in a commit as they are here."""
        if not commit:
            return False
        if commit not in self._listed:
            listed = self._git("ls-tree", "-r", "-z", "--name-only", commit)
            changed = self._git("diff", "-z", "--name-only", "--relative", commit, "--", ".")
            self._listed[commit] = frozenset(listed.split("\0"))
            self._changed[commit] = frozenset(changed.split("\0"))
        return paths <= self._listed[commit] and paths.isdisjoint(self._changed[commit])

    def _git(self, *arguments: str) -> str:
        try:
            done = git(self.root, *arguments)
        except UsageError:
            return ""
        return done.stdout if done.returncode == 0 else ""
