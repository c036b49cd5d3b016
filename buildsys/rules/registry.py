"""The rules that there are. A new language is a new file beside this one, and a line here."""

from collections.abc import Mapping
from types import MappingProxyType

from buildsys.rules.go_image import GoImage
from buildsys.rules.python_image import PythonImage
from buildsys.rules.rust_image import RustImage

GO = GoImage()
PYTHON = PythonImage()
RUST = RustImage()

RULES: Mapping[str, GoImage | PythonImage | RustImage] = MappingProxyType(
    {rule.name: rule for rule in (GO, PYTHON, RUST)}
)
