"""TOML in its one form: the same data, and the same text again."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from buildsys.analysis.cargo_lock import CargoLockReader
from buildsys.analysis.cargo_manifest import CargoManifestReader
from buildsys.analysis.pyproject import PyprojectReader
from buildsys.analysis.toml_text import TomlTextReader, written

text = st.text(st.characters(codec="utf-8"), max_size=6)
keys = st.one_of(
    text,
    st.sampled_from(
        ("package", "workspace", "dependencies", "version", "path", "lints", "tool", "ruff", "name", "target")
    ),
)  # fmt: skip
scalars = st.one_of(
    text, st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.dates()
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=4)
    ),
    max_leaves=12,
)  # fmt: skip
tables = st.dictionaries(keys, values, max_size=5)


@given(tables)
def test_the_form_is_the_same_data_and_stays_as_it_is(table: dict[str, object]) -> None:
    form = written(table)
    assert tomllib.loads(form) == table
    assert TomlTextReader().read(form) == form
    assert written(dict(reversed(table.items()))) == form


@given(tables)
def test_what_is_derived_of_a_derived_text_is_the_same(table: dict[str, object]) -> None:
    readers = (
        PyprojectReader(),
        CargoManifestReader(cooked=True, masked=True),
        CargoManifestReader(cooked=False, masked=False),
        CargoLockReader(wanted=None, masked=frozenset({"a"})),
    )
    for reader in readers:
        once = reader.read(written(table))
        assert reader.read(once) == once
