"""The rules that there are. A new language is a new file beside this one, and a line here."""

from collections.abc import Mapping
from types import MappingProxyType

from buildsys.rules.docker_image import DockerImage
from buildsys.rules.go_image import GoImage
from buildsys.rules.python_image import PythonImage
from buildsys.rules.rust_image import RustImage

GO = GoImage()
PYTHON = PythonImage()
RUST = RustImage()
DOCKER = DockerImage()

RULES: Mapping[str, GoImage | PythonImage | RustImage | DockerImage] = MappingProxyType(
    {rule.name: rule for rule in (GO, PYTHON, RUST, DOCKER)}
)

TYPICAL_S: Mapping[str, float] = MappingProxyType(
    {
        "chef": 150.0, "cook": 90.0, "test-cook": 90.0,
        "modules": 20.0, "packages": 120.0,
        "requirements": 20.0, "test-requirements": 20.0,
        "runtime": 3.0,
    }
)  # fmt: skip
"""What layers take on two cores, by name, where no earlier build tells: what is started first depends on it."""
