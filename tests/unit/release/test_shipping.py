"""Where the image of a target goes."""

import pytest

from buildsys.errors import BuildFileError
from buildsys.shipping import platforms_of, repository_name
from tests.targets import make_target


def test_a_repository_is_named_after_its_target_unless_it_is_given() -> None:
    assert repository_name(make_target("go_image", "//cmd/api")) == "api"
    given = make_target("go_image", "//cmd/api", repository="team/shop-api_v2.x")
    assert repository_name(given) == "team/shop-api_v2.x"


@pytest.mark.parametrize("name", ["Api", "a b", "/a", "a/", "a//b", "a..b", "a:b", "-a"])
def test_what_no_registry_takes_is_refused_at_the_target(name: str) -> None:
    with pytest.raises(BuildFileError, match="can't be the name of a repository"):
        repository_name(make_target("go_image", "//cmd/api", repository=name))


def test_only_some_rules_have_platforms() -> None:
    both = ("linux/amd64", "linux/arm64")
    assert platforms_of(make_target("go_image", "//cmd/api", platforms=both)) == both
    assert platforms_of(make_target("go_image", "//cmd/api")) == ()
    assert platforms_of(make_target("python_image", "//cmd/agent")) == ()
