"""How attributes are declared: one table drives checking, the JSON Schema and the reference."""

from dataclasses import dataclass
from enum import Enum

from buildsys.model.target import AttributeValue


class Kind(Enum):
    """What may be written for an attribute, and what it becomes."""

    TEXT = "text"
    """A string without control characters."""
    FLAG = "true or false"
    """`bool`."""
    PORT = "port number"
    """`int`, 1 to 65535."""
    SIZE = "size"
    """`15MB`, `200kB`, `1.5GiB` or a number of bytes → `int` bytes. MB is 1000², MiB 1024²."""
    DURATION = "duration"
    """`500ms`, `30s`, `2m`, `1m30s`; kept as text."""
    TEXTS = "list of strings"
    """`tuple[str, ...]`."""
    FILES = "list of file patterns"
    """Patterns relative to the package: `*` within a folder, `**` across folders → `tuple[str, ...]`."""
    FILES_BY_STAGE = "file patterns by stage"
    """Mapping of stages to `FILES` → `tuple[tuple[str, tuple[str, ...]], ...]`, by stage."""
    LABELS = "list of labels"
    """Absolute labels, or `:name` for the same package; kept as text, absolute."""
    VARIABLES = "environment"
    """Mapping of names to strings → sorted `tuple[tuple[str, str], ...]`."""
    HEALTHCHECK = "health check"
    """Mapping with exactly one of `http` or `command`; see `model.target.Healthcheck`."""
    BASE = "name of a base"
    """One of the bases of the root BUILD.yaml or of the built-in ones."""
    BASE_OR_NONE = "name of a base, or scratch"
    """A base, or `scratch`: no base at all."""
    USER = "user"
    """`UID:GID`, both numeric and not 0."""
    LABELLING = "labels of the image"
    """Mapping of label names to strings → sorted `tuple[tuple[str, str], ...]`."""
    CHECKS = "list of checks"
    """Names of `model.check.Check` → `tuple[str, ...]`."""
    PLATFORMS = "list of platforms"
    """Of `model.target.PLATFORMS` → `tuple[str, ...]`."""
    COUNT = "number"
    """`int`, 1 to 1000."""
    FOLDERS = "list of absolute folders"
    """Absolute, normalised paths in the image → `tuple[str, ...]`."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of a rule; `doc` is a sentence for the reference, `example` is valid YAML."""

    name: str
    kind: Kind
    doc: str
    default: AttributeValue = None
    example: str = ""


IMAGE_ATTRIBUTES: tuple[Attribute, ...] = (
    Attribute(
        "port", Kind.PORT, "Port that the service listens on: `PORT` and EXPOSE.", None, "8081"
    ),
    Attribute(
        "healthcheck",
        Kind.HEALTHCHECK,
        "How a container is asked whether it is well.",
        None,
        '{http: "http://localhost:8081/health", interval: 30s, timeout: 3s}',
    ),
    Attribute("max_size", Kind.SIZE, "Budget: the image's unpacked size at most.", None, "15MB"),
    Attribute(
        "waive",
        Kind.CHECKS,
        "Checks of `bs verify` that this image may fail.",
        (),
        "[setuid]",
    ),
    Attribute(
        "repository",
        Kind.TEXT,
        "Name of the image's repository below `bs push --to`; the target's name by default.",
        "",
        "shop/api",
    ),
    Attribute(
        "description",
        Kind.TEXT,
        "What the image is: its label `org.opencontainers.image.description`.",
        "",
        "Takes orders",
    ),
    Attribute(
        "labels",
        Kind.LABELLING,
        "Further labels of the image.",
        (),
        "{org.opencontainers.image.vendor: Shop}",
    ),
    Attribute(
        "test_timeout", Kind.DURATION, "How long an attempt of `bs test` may take.", "5m", "30s"
    ),
    Attribute(
        "test_attempts",
        Kind.COUNT,
        "How often failing tests are tried; those that pass in the end are flaky.",
        1,
        "3",
    ),
    Attribute(
        "test_data",
        Kind.FILES,
        "Files of the package that only its tests read; they don't enter the image's build.",
        (),
        '["fixtures/**"]',
    ),
    Attribute("env", Kind.VARIABLES, "Environment of the image.", (), "{LOG_LEVEL: info}"),
    Attribute(
        "run_port",
        Kind.PORT,
        "Port under `bs run` and `bs up`, which share this machine's; `port` by default.",
        None,
        "8082",
    ),
    Attribute(
        "run_env",
        Kind.VARIABLES,
        "Further environment under `bs run` and `bs up`; not part of the image.",
        (),
        '{ORCHESTRATOR_URL: "http://localhost:8081"}',
    ),
    Attribute("args", Kind.TEXTS, "Default arguments (CMD).", (), "[serve]"),
    Attribute("user", Kind.USER, "Who the container runs as.", "1000:1000", '"1000:1000"'),
    Attribute("writable", Kind.FOLDERS, "Folders that the user may write to.", (), "[/data]"),
    Attribute(
        "exclude", Kind.FILES, "Files of the package that don't enter the build.", (), '["docs/**"]'
    ),
    Attribute("data", Kind.FILES, "Further files of the package that do.", (), '["templates/**"]'),
    Attribute(
        "deps",
        Kind.LABELS,
        "Targets whose packages this one needs though no import says so.",
        (),
        '["//cmd/other"]',
    ),
)
