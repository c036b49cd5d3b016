"""The base that an image is built upon."""

from buildsys.release.origins import base_below
from tests.targets import go, python, rust
from tests.unit.analysis.test_docker_sources import analysed


def test_the_base_of_the_image_counts_and_that_of_its_builder_does_not() -> None:
    assert base_below(go(base="alpine")) == "alpine"
    assert base_below(rust(base="alpine")) == "alpine"
    assert base_below(python()) == "python"


def test_an_image_from_nothing_has_none() -> None:
    assert base_below(go(base="scratch")) is None


def test_the_base_of_a_dockerfile_is_that_of_its_last_stage() -> None:
    assert base_below(analysed()) == "slim"
