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
