"""What somebody who pushes asks for."""

from dataclasses import dataclass
from enum import StrEnum

from buildsys.registry.repository import Repository


class Compression(StrEnum):
    """Of the layers of a pushed image."""

    ZSTD = "zstd"
    """As they are stored."""
    GZIP = "gzip"


@dataclass(frozen=True, slots=True)
class Order:
    """Where images go, and under which tags."""

    to: Repository
    """The repositories of images are below it."""
    tags: tuple[str, ...]
    """Templates."""
    compression: Compression = Compression.ZSTD
