"""Tags by template."""

import pytest

from buildsys.errors import UsageError
from buildsys.release.tags import branch_name, commit_name, tags_of

FACTS = {"commit": "0123abc", "branch": "feature-x", "key": "f" * 64, "nothing": ""}


def test_templates_become_tags_each_once() -> None:
    templates = ("{commit}", "v1-{branch}.{commit}", "main", "{key}", "{commit}")
    assert tags_of(templates, FACTS) == ("0123abc", "v1-feature-x.0123abc", "main", "f" * 64)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{sha}", "there is no `{sha}`"),
        ("{nothing}", "no nothing is known here"),
        ("a/b", "`a/b` can't be a tag"),
        ("-x", "`-x` can't be a tag"),
        ("", "`` can't be a tag"),
        ("{commit", "`{commit` can't be a tag"),
        ("{key}{key}x", "can't be a tag"),
    ],
)
def test_what_can_not_be_a_tag_is_refused(template: str, message: str) -> None:
    with pytest.raises(UsageError, match=message.replace("{", r"\{")):
        tags_of((template,), FACTS)


def test_a_checkout_with_changes_is_not_its_commit() -> None:
    assert commit_name("0123", changed=False) == "0123"
    assert commit_name("0123", changed=True) == "0123-dirty"
    assert commit_name("", changed=True) == ""


def test_branches_become_what_tags_may_have() -> None:
    assert branch_name("feature/Ümlaut-1") == "feature--mlaut-1"
    assert branch_name("/.x") == "x"
