"""Tags by template: `{commit}`, `{branch}`, `{key}`."""

import re
from collections.abc import Mapping

from buildsys.errors import UsageError

_FIELD = re.compile(r"\{([^{}]*)\}")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
COMMIT, BRANCH, KEY = "commit", "branch", "key"


def tags_of(templates: tuple[str, ...], facts: Mapping[str, str]) -> tuple[str, ...]:
    """The tags, each once, in their order; `facts` has what is known for each field, or "".

    Raises:
        UsageError: a field is unknown or has nothing to stand for, or what comes out is no tag.
    """
    return tuple(dict.fromkeys(_tag(template, facts) for template in templates))


def commit_name(commit: str, *, changed: bool) -> str:
    """What stands for `{commit}`: of a checkout with changes, its commit isn't what was built."""
    return f"{commit}-dirty" if commit and changed else commit


def branch_name(branch: str) -> str:
    """What stands for `{branch}`: tags have no slashes, and begin with a letter or digit."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", branch).lstrip(".-")


def _tag(template: str, facts: Mapping[str, str]) -> str:
    for name in _FIELD.findall(template):
        if name not in facts:
            known = ", ".join(f"`{{{one}}}`" for one in facts)
            raise UsageError(f"tag `{template}`: there is no `{{{name}}}`", hint=f"known: {known}")
        if not facts[name]:
            raise UsageError(f"tag `{template}`: no {name} is known here", hint="write the tag out")
    tag = _FIELD.sub(lambda found: facts[found[1]], template)
    if not _TAG.fullmatch(tag):
        raise UsageError(
            f"`{tag}` can't be a tag",
            hint="at most 128 letters, digits and `._-`, the first no `.` or `-`",
        )
    return tag
