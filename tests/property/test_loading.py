"""Laws of loading: labels, YAML of any kind, patterns."""

import string
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from buildsys.errors import BuildFileError, UsageError
from buildsys.loading import yaml_nodes
from buildsys.loading.nodes import Entries, Scalar, node_of
from buildsys.loading.patterns import select
from buildsys.loading.workspace import Workspace, load
from buildsys.loading.yaml_nodes import parse
from buildsys.model.label import Label, is_package_path, is_target_name
from tests.fake_tree import DictTree
from tests.unit.loading.support import RULES

WORD = string.ascii_letters + string.digits
names = st.text(WORD + "._+-", min_size=1, max_size=8).filter(is_target_name)
packages = st.lists(st.text(WORD + "._+@-", min_size=1, max_size=6), max_size=4).map("/".join)
labels = st.builds(Label, packages.filter(is_package_path), names)

# Bits of YAML, in any order: far likelier to reach a parser's corners than random characters.
PIECES = [
    *"[]{},:?-|>!&*#%@`'\"\\ \n\t\r\0~",
    *(
        "- ",
        ": ",
        "? ",
        "\n  ",
        "\n- ",
        "---\n",
        "...\n",
        "<<: ",
        "!!str ",
        "&a ",
        "*a",
        '"\\x',
        "\\u00",
    ),
    *(
        "targets:",
        "name: a",
        "rule: service",
        "port: ",
        "8081",
        "env: ",
        "true",
        "null",
        "workspace: w",
    ),
    *(
        "defaults:",
        "bases:",
        "healthcheck: ",
        "deps: ",
        "//x:y",
        "\ufeff",
        "\u2028",
        "\ud800",
        "1e999",
        "é",
    ),
]
yaml_like = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["15MB", "/a", "//x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["http", "command", "A", "interval", "x"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)
ATTRIBUTES = [one.name for one in RULES["service"].attributes]


@given(labels)
def test_parsing_what_a_label_prints_gives_the_label(label: Label) -> None:
    assert Label.parse(str(label)) == label


@given(st.text(max_size=20) | labels.map(str))
def test_a_text_is_a_label_or_refused(text: str) -> None:
    try:
        label = Label.parse(text)
    except UsageError:
        return
    assert Label.parse(str(label)) == label


@settings(max_examples=400)
@given(yaml_like | st.text(max_size=60))
@example('"\\UFFFFFFFF"')
@example("%YAML 99999999999999999999.1\n---\n")
def test_any_text_is_loaded_or_refused_as_a_build_file(text: str) -> None:
    refused = _load(text)
    if isinstance(refused, BuildFileError):
        assert refused.at is not None
        assert refused.at.path == "BUILD.yaml"
        assert str(refused).isprintable()


@settings(max_examples=300)
@given(
    attributes=st.dictionaries(st.sampled_from(ATTRIBUTES), values, max_size=3),
    as_defaults=st.booleans(),
)
def test_any_attributes_are_loaded_or_refused_with_their_place(
    *, attributes: dict[str, object], as_defaults: bool
) -> None:
    target = "targets: [{name: a, rule: service"
    written = ", ".join(f"{name}: {_yaml(value)}" for name, value in attributes.items())
    text = (
        f"defaults: {{service: {{{written}}}}}\n{target}}}]"
        if as_defaults
        else f"{target}, {written}}}]"
    )
    found = _load(text)
    if isinstance(found, BuildFileError):
        assert found.at is not None
    else:
        (loaded,) = found.targets.values()
        assert set(loaded.attributes) == set(ATTRIBUTES)


def _load(text: str) -> Workspace | BuildFileError:
    try:
        return load(DictTree({"BUILD.yaml": text}), RULES)
    except BuildFileError as error:
        return error


def _yaml(value: object) -> str:
    """Flow style, every text quoted and escaped."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case list():
            return f"[{', '.join(map(_yaml, value))}]"
        case dict():
            return f"{{{', '.join(f'{key}: {_yaml(inner)}' for key, inner in value.items())}}}"
        case str():
            return '"' + "".join(f"\\U{ord(one):08x}" for one in value) + '"'
        case _:
            return str(value)


printable = st.characters(
    min_codepoint=0x20, exclude_categories=["Cs", "Cc", "Cn", "Co", "Zl", "Zp"]
)


@given(st.text(printable))
def test_a_quoted_text_is_itself(text: str) -> None:
    quoted = text.replace("'", "''")
    found = node_of(parse(f"k: '{quoted}'"), "p")
    assert isinstance(found, Entries)
    value = found.nodes["k"]
    assert isinstance(value, Scalar)
    assert value.value == text


@given(st.lists(labels, min_size=1, max_size=8, unique=True), st.data())
def test_patterns_mean_targets_that_are_there(targets: list[Label], data: st.DataObject) -> None:
    chosen = data.draw(st.sampled_from(targets))
    assert select([str(chosen)], targets) == (chosen,)
    assert chosen not in select([f"-{chosen}"], targets)
    below = select([f"//{chosen.package}/..." if chosen.package else "//..."], targets)
    assert chosen in below
    assert set(select(["all"], targets)) == set(targets)
    assert select([f"//{chosen.package}:all"], targets) == tuple(
        sorted(label for label in targets if label.package == chosen.package)
    )


@given(st.lists(st.text(max_size=12) | labels.map(str), max_size=4), st.lists(labels, max_size=5))
def test_any_patterns_mean_targets_or_are_refused(
    patterns: list[str], targets: list[Label]
) -> None:
    try:
        found = select(patterns, targets)
    except UsageError:
        return
    assert set(found) <= set(targets)
    assert list(found) == sorted(set(found))


@settings(max_examples=600)
@given(
    st.lists(
        st.sampled_from([*PIECES, "a: ", "b", "\n    ", "[a, b]", "{a: 1}", "x:y", " #c"])
    ).map("".join)
)
def test_what_the_quick_reader_of_yaml_understands_is_what_the_other_one_does(text: str) -> None:
    quick = yaml_nodes._quick_document(text)
    assert quick is None or quick == yaml_nodes._slow_document(text)


def test_usual_build_files_are_read_quickly() -> None:
    for path in Path(__file__).parents[2].glob("cmd/*/BUILD.yaml"):
        text = "\n".join(line for line in path.read_text().splitlines() if line[:1] != "#")
        assert yaml_nodes._quick_document(text) is not None, path
