"""Which lines of go.mod and go.sum a service notices, over small workspaces and a world of made-up modules."""

from collections.abc import Mapping

import pytest

from buildsys.analysis.go_listing import modules_listed
from buildsys.analysis.go_noticing import GoNoticing
from buildsys.analysis.go_services import GoServices
from buildsys.analysis.go_sources import go_sources
from buildsys.model.sources import GoManifests, GoModule, Imports
from tests.fake_tree import DictTree
from tests.targets import make_target

MOD = """\
module example.com/mono // ours

go 1.24.0
toolchain go1.24.1
require (
    example.com/zap v1.0.0
    example.com/pgx/v5 v5.1.0 // indirect
)
require example.com/core v0.1.0
"""
SUM = """\
example.com/zap v1.0.0 h1:zap=
example.com/zap v1.0.0/go.mod h1:zapmod=
example.com/pgx/v5 v5.1.0 h1:pgx=
example.com/pgx/v5 v5.1.0/go.mod h1:pgxmod=
example.com/core v0.1.0 h1:core=
example.com/core v0.1.0/go.mod h1:coremod=
example.com/old v0.0.1/go.mod h1:oldmod=
"""
A, B = "example.com/core/a", "example.com/core/b"
WORLD: dict[str, dict[str, tuple[str, ...]]] = {
    "h1:zap=": {"example.com/zap": ("fmt", "example.com/core/a"), "example.com/zap/x": ()},
    "h1:pgx=": {"example.com/pgx/v5": ("net", "example.com/pgx/v5/pool"), "example.com/pgx/v5/pool": ()},
    "h1:core=": {"example.com/core/a": ("example.com/core/b",), "example.com/core/b": ("unsafe",)},
}  # fmt: skip


def noticed(
    imports: str,
    *,
    mod: str = MOD,
    sums: str | None = SUM,
    world: Mapping[str, Imports] = WORLD,
    more: Mapping[str, str] | None = None,
    last: bool = False,
    data: tuple[str, ...] = (),
) -> GoManifests | None:
    lines = "".join(f"import {path}\n" for path in imports.split())
    files = {"go.mod": mod, "cmd/api/main.go": f"package main\n{lines}", **(more or {})}
    if sums is not None:
        files["go.sum"] = sums
    tree = DictTree(files)
    sources = go_sources(tree, "cmd/api")

    def known(module: GoModule) -> Imports | None:
        return world.get(module.sums[0])

    return GoNoticing.of(tree, sources, known, last=last).noticed(
        sources, sources.external, sources.replaced, data
    )


def texts(imports: str, **given: str) -> dict[str, str]:
    found = noticed(imports, **given)  # type: ignore[arg-type]
    assert found is not None
    assert found.exact
    return dict(found.texts)


def test_only_the_modules_of_the_closure_are_named_in_one_order_without_comments() -> None:
    assert texts('"example.com/zap" "fmt"') == {
        "go.mod": (
            "module example.com/mono\ngo 1.24.0\n"
            "require example.com/core v0.1.0\nrequire example.com/zap v1.0.0\n"
        ),
        "go.sum": (
            "example.com/core v0.1.0 h1:core=\nexample.com/core v0.1.0/go.mod h1:coremod=\n"
            "example.com/zap v1.0.0 h1:zap=\nexample.com/zap v1.0.0/go.mod h1:zapmod=\n"
        ),
    }


def test_without_imports_from_elsewhere_no_module_is_named() -> None:
    assert texts('"net/http"') == {
        "go.mod": "module example.com/mono\ngo 1.24.0\n",
        "go.sum": "",
    }
    assert texts('"fmt"', sums=None) == {"go.mod": "module example.com/mono\ngo 1.24.0\n"}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("mod", "sums"),
    [
        (MOD + "// a comment\n", SUM),
        (MOD, "\n".join(reversed(SUM.splitlines())) + "\n"),
        (MOD + "require example.com/new v1.0.0\n", SUM + "example.com/new v1.0.0 h1:new=\n"),
        (MOD.replace("pgx/v5 v5.1.0", "pgx/v5 v5.2.0"), SUM.replace("v5.1.0", "v5.2.0")),
        (MOD.replace("toolchain go1.24.1\n", ""), SUM),
        (MOD + "retract v0.9.0\ntool example.com/pgx/v5/cmd\nignore ./docs\n", SUM),
        (MOD + "replace example.com/pgx/v5 => example.com/fork v1.0.0\n", SUM),
        (MOD + "exclude example.com/pgx/v5 v5.0.9\n", SUM),
    ],
)
def test_what_a_service_does_not_use_changes_nothing_for_it(mod: str, sums: str) -> None:
    wanted = texts('"example.com/zap"')
    assert texts('"example.com/zap"', mod=mod, sums=sums) == wanted


@pytest.mark.parametrize(
    ("mod", "sums"),
    [
        (MOD.replace("go 1.24.0", "go 1.24.1"), SUM),
        (MOD + "godebug http2client=0\n", SUM),
        (MOD.replace("zap v1.0.0", "zap v1.0.1"), SUM.replace("zap v1.0.0", "zap v1.0.1")),
        (MOD, SUM.replace("h1:zapmod=", "h1:other=")),
        (MOD.replace("core v0.1.0", "core v0.2.0"), SUM.replace("core v0.1.0", "core v0.2.0")),
        (MOD + "exclude example.com/zap v0.9.0\n", SUM),
    ],
)
def test_what_it_uses_counts(mod: str, sums: str) -> None:
    assert texts('"example.com/zap"', mod=mod, sums=sums) != texts('"example.com/zap"')


def test_a_replaced_module_is_pinned_by_the_sums_of_what_replaces_it() -> None:
    mod = MOD + "replace example.com/zap v1.0.0 => example.com/fork v1.2.0\n"
    sums = SUM + "example.com/fork v1.2.0 h1:fork=\nexample.com/fork v1.2.0/go.mod h1:forkmod=\n"
    found = noticed(
        '"example.com/zap"', mod=mod, sums=sums, world={"h1:fork=": {"example.com/zap": ()}}
    )
    assert found is not None
    assert dict(found.texts) == {
        "go.mod": (
            "module example.com/mono\ngo 1.24.0\nrequire example.com/zap v1.0.0\n"
            "replace example.com/zap v1.0.0 => example.com/fork v1.2.0\n"
        ),
        "go.sum": "example.com/fork v1.2.0 h1:fork=\nexample.com/fork v1.2.0/go.mod h1:forkmod=\n",
    }


def test_of_local_replacements_only_the_used_ones_count() -> None:
    mod = MOD + (
        "require (\nexample.com/one v0.0.0\nexample.com/two v0.0.0\n)\n"
        "replace example.com/one => ./one\nreplace example.com/two => ./two\n"
    )
    more = {
        "one/go.mod": "module example.com/one\n",
        "one/one.go": "package one\n",
        "two/go.mod": "module example.com/two\n",
        "two/two.go": "package two\n",
    }
    found = noticed('"example.com/one"', mod=mod, more=more)
    assert found is not None
    assert found.unused == ("two/go.mod",)
    assert dict(found.texts)["go.mod"] == (
        "module example.com/mono\ngo 1.24.0\nrequire example.com/one v0.0.0\n"
        "replace example.com/one => ./one\n"
    )


def test_the_longest_module_path_that_has_the_package_is_used() -> None:
    mod = MOD + "require example.com/core/b v1.0.0\n"
    sums = SUM + "example.com/core/b v1.0.0 h1:b=\n"
    world = WORLD | {"h1:core=": {"example.com/core/a": ()}, "h1:b=": {"example.com/core/b": ()}}
    found = noticed('"example.com/core/b"', mod=mod, sums=sums, world=world)
    assert found is not None
    assert "core/b v1.0.0" in dict(found.texts)["go.mod"]
    assert "core v0.1.0" not in dict(found.texts)["go.mod"]


def test_a_module_of_which_nothing_is_known_is_named() -> None:
    world = {"h1:zap=": WORLD["h1:zap="]}
    found = noticed('"example.com/zap" "example.com/pgx/v5"', world=world)
    assert found == GoManifests((), unknown=("example.com/core", "example.com/pgx/v5"))
    assert noticed('"fmt"', world={}) == noticed('"fmt"')


def in_plain(found: GoManifests | None) -> bool:
    return (
        found is not None and not found.exact and "example.com/old" in dict(found.texts)["go.sum"]
    )


def test_what_stays_unknown_lets_all_modules_count() -> None:
    assert in_plain(noticed('"example.com/zap"', world={}, last=True))


@pytest.mark.parametrize(
    "given",
    [
        {"imports": '"example.com/zap/none"'},
        {"imports": '"example.com/zap"', "sums": SUM.replace("zap v1.0.0 h1", "zap v1.0.9 h1")},
        {
            "imports": '"example.com/core/b"',
            "mod": MOD + "require example.com/core/b v1.0.0\n",
            "sums": SUM + "example.com/core/b v1.0.0 h1:b=\n",
            "world": WORLD | {"h1:b=": {"example.com/core/b": ()}},
        },
        {"imports": '"example.com/zap"', "world": WORLD | {"h1:zap=": {"example.com/zap": ("x.org/x",)}}},
        {
            "imports": '"example.com/zap"',
            "world": WORLD | {"h1:zap=": {"example.com/zap": ("example.com/mono/common",)}},
        },
        {
            "imports": '"example.com/core/a"',
            "world": WORLD
            | {"h1:core=": {A: (B,), B: (A,)}},
        },
    ],
    ids=["no such package", "no sum", "two modules", "nobody's", "imports ours", "a circle"],
)  # fmt: skip
def test_where_go_itself_has_to_say_what_comes_of_it_all_modules_count(
    given: dict[str, object],
) -> None:
    assert in_plain(noticed(**given))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "given",
    [
        {"mod": MOD.replace("go 1.24.0", "go 1.16")},
        {"mod": MOD.replace("go 1.24.0\n", "")},
        {"mod": MOD + "unheard of\n"},
        {"mod": MOD + "require example.com/zap v1.0.0\n"},
        {"mod": MOD + "exclude example.com/zap v1.0.0\n"},
        {"mod": MOD + 'replace example.com/zap => "./a b"\n'},
        {"mod": MOD + "replace example.com/zap => x.org/z v1\nreplace example.com/zap => x.org/y v1\n"},
        {"more": {"vendor/modules.txt": ""}},
        {"more": {"go.work": "go 1.24\nuse .\n"}},
        {"data": ("go.sum",)},
    ],
    ids=[
        "before 1.17", "no go line", "unknown directive", "twice", "excluded", "quoted", "replaced twice",
        "vendored", "workspace", "data",
    ],
)  # fmt: skip
def test_where_it_is_not_certain_every_byte_counts(given: dict[str, object]) -> None:
    assert noticed('"fmt"', **given) is None  # type: ignore[arg-type]


def test_an_embedded_manifest_counts_to_the_byte() -> None:
    tree = DictTree(
        {
            "go.mod": MOD,
            "main.go": 'package main\nimport _ "embed"\n//go:embed go.mod\nvar x string\n',
        }
    )
    sources = go_sources(tree, "")
    assert sources.reads_manifests
    noticing = GoNoticing.of(tree, sources, lambda _: None, last=False)
    assert noticing.noticed(sources, (), (), ()) is None


def test_all_modules_in_one_order_say_what_the_files_say() -> None:
    tree = DictTree({"go.mod": MOD, "go.sum": SUM, "cmd/api/main.go": "package main\n"})
    found = GoNoticing.of(tree, go_sources(tree, "cmd/api"), lambda _: None, last=False)
    mod, sums = found.plain
    assert mod[1] == (
        "module example.com/mono\ngo 1.24.0\nrequire example.com/core v0.1.0\n"
        "require example.com/pgx/v5 v5.1.0\nrequire example.com/zap v1.0.0\n"
    )
    assert sorted(SUM.splitlines()) == sums[1].splitlines()


def test_a_list_tells_of_every_pinned_module_that_was_there() -> None:
    mod = (
        MOD
        + "replace example.com/zap => example.com/Fork v1.0.0-Rc\nrequire example.com/no v1.0.0\n"
    )
    sums = SUM + "example.com/Fork v1.0.0-Rc h1:fork=\nexample.com/no v1.0.0 h1:no=\n"
    folders = "".join(
        f"/go/pkg/mod/{path}\n"
        for path in (
            "example.com/!fork@v1.0.0-!rc", "example.com/core@v0.1.0", "example.com/pgx/v5@v5.2.0",
            "example.com/unpinned@v1.0.0",
        )
    )  # fmt: skip
    packages = "1 fmt example.com/core/a\n1/x\n2/a\n3/pool net\n4 net\n/go fmt\n"
    found = modules_listed(
        {"go.mod": mod, "go.sum": sums, "folders": folders, "packages": packages}
    )
    assert {module.path: imports for module, imports in found.items()} == {
        "example.com/zap": {
            "example.com/zap": ("fmt", "example.com/core/a"),
            "example.com/zap/x": (),
        },
        "example.com/core": {"example.com/core/a": ()},
    }, "another version isn't the one that is required"
    with pytest.raises(KeyError):
        modules_listed({"go.mod": MOD, "folders": ""})


def test_tests_notice_what_they_import_and_not_what_other_services_do() -> None:
    tree = DictTree(
        {
            "go.mod": MOD,
            "go.sum": SUM,
            "cmd/api/main.go": 'package main\nimport "example.com/core/b"\n',
            "cmd/api/main_test.go": 'package main\nimport "example.com/zap/x"\n',
            "cmd/web/main.go": 'package main\nimport "example.com/pgx/v5"\n',
        }
    )
    api, web = (make_target("go_image", f"//cmd/{name}") for name in ("api", "web"))
    services = GoServices(
        {api.label: api, web.label: web}, tree, "linux/amd64", lambda _: lambda _: False
    )
    services = services.knowing(World(), last=False)
    shared, tests = services.tests(api, ())
    assert tests.noticed is not None
    assert required(tests.noticed) == ["example.com/core", "example.com/zap"]
    assert shared.external == ("example.com/core/b", "example.com/pgx/v5")
    image = services.image(api, ())
    assert image.noticed is not None
    assert required(image.noticed) == ["example.com/core"]
    assert image.plain == shared.plain


class World:
    """The port `ModuleFacts`."""

    def imports(self, builder: str, module: GoModule) -> Imports | None:
        assert builder == "golang"
        return WORLD.get(module.sums[0])


def required(found: GoManifests) -> list[str]:
    lines = dict(found.texts)["go.mod"].splitlines()
    return [line.split()[1] for line in lines if line.startswith("require ")]
