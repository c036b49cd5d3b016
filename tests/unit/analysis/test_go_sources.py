"""What a Go service is made of, over small workspaces."""

from typing import Any

import pytest

from buildsys.analysis.go_sources import go_sources
from buildsys.errors import BuildFileError
from buildsys.model.sources import GoSources
from tests.fake_tree import DictTree

MOD = "module example.com/mono\n\ngo 1.24.0\n"


def analyse(files: dict[str, str], package: str = "cmd/api", **options: Any) -> GoSources:
    return go_sources(DictTree(files), package, **options)


def refusal(files: dict[str, str], package: str = "cmd/api") -> BuildFileError:
    with pytest.raises(BuildFileError) as caught:
        analyse(files, package)
    assert caught.value.hint
    return caught.value


def main(*imports: str, body: str = "") -> str:
    lines = "".join(f"import {path}\n" for path in imports)
    return f"package main\n{lines}{body}\nfunc main() {{}}\n"


def test_the_closure_has_own_files_imported_packages_and_manifests() -> None:
    found = analyse(
        {
            "go.mod": MOD,
            "go.sum": "",
            "cmd/api/main.go": main('"example.com/mono/common/a"', '"fmt"', '"net/http"'),
            "cmd/api/more.go": "package main\n",
            "cmd/api/main_test.go": 'package main\nimport "github.com/only/tests"\n',
            "cmd/api/README.md": "",
            "common/a/a.go": 'package a\nimport ("example.com/mono/common/b";"github.com/x/y/z")\n',
            "common/b/b.go": 'package b\nimport "github.com/x/y"\n',
            "common/c/c.go": "package c\n",
        }
    )
    assert found == GoSources(
        module="",
        package="cmd/api",
        manifests=("go.mod", "go.sum"),
        vendored=(),
        files=(
            "cmd/api/main.go", "cmd/api/more.go", "common/a/a.go", "common/b/b.go", "go.mod", "go.sum",
        ),
        external=("github.com/x/y", "github.com/x/y/z"),
    )  # fmt: skip


def test_files_for_other_systems_do_not_count_and_neither_do_their_imports() -> None:
    files = {
        "go.mod": MOD,
        "cmd/api/main.go": main(),
        "cmd/api/a_windows.go": 'package main\nimport "github.com/w/w"\n',
        "cmd/api/b.go": '//go:build ignore\n\npackage main\nimport "github.com/w/w"\n',
        "cmd/api/c.go": 'package main\nimport "C"\nimport "github.com/w/w"\n',
        "cmd/api/d_arm64.go": 'package main\nimport "github.com/arm/only"\n',
        "cmd/api/_e.go": "package main\n",
        "cmd/api/.f.go": "package main\n",
        "cmd/api/doc.go": "package documentation\n",
    }
    assert analyse(files).files == ("cmd/api/main.go", "go.mod")
    assert analyse(files, goarch="arm64").external == ("github.com/arm/only",)


def test_assembler_headers_and_objects_count_but_c_does_not() -> None:
    found = analyse(
        {
            "go.mod": MOD,
            "cmd/api/main.go": main(),
            "cmd/api/a_amd64.s": "",
            "cmd/api/a_arm64.s": "",
            "cmd/api/b.s": "//go:build arm64\n\n",
            "cmd/api/x.h": "",
            "cmd/api/x.syso": "\0",
            "cmd/api/x.c": "",
            "cmd/api/default.pgo": "",
        }
    )
    assert found.files == (
        "cmd/api/a_amd64.s", "cmd/api/default.pgo", "cmd/api/main.go", "cmd/api/x.h",
        "cmd/api/x.syso", "go.mod",
    )  # fmt: skip


EMBEDDABLE = {
    "go.mod": MOD,
    "cmd/api/a.txt": "",
    "cmd/api/b c.txt": "",
    "cmd/api/web/index.html": "",
    "cmd/api/web/.hidden": "",
    "cmd/api/web/_draft/x": "",
    "cmd/api/web/img/a.png": "",
    "cmd/api/web/img/b.svg": "",
    "cmd/api/web/nested/go.mod": "module x",
    "cmd/api/web/nested/y": "",
}


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        ("a.txt", ["a.txt"]),
        ("*.txt", ["a.txt", "b c.txt"]),
        ('"b c.txt"', ["b c.txt"]),
        ("web", ["web/img/a.png", "web/img/b.svg", "web/index.html"]),
        (
            "all:web",
            ["web/.hidden", "web/_draft/x", "web/img/a.png", "web/img/b.svg", "web/index.html"],
        ),
        (
            "web/*",
            ["web/.hidden", "web/_draft/x", "web/img/a.png", "web/img/b.svg", "web/index.html"],
        ),
        ("web/*/*.png a.txt", ["a.txt", "web/img/a.png"]),
        ("web/[h-i]*", ["web/img/a.png", "web/img/b.svg", "web/index.html"]),
    ],
)
def test_embedded_files_count(patterns: str, names: list[str]) -> None:
    body = f'import _ "embed"\n//go:embed {patterns}\nvar s string\n'
    found = analyse({**EMBEDDABLE, "cmd/api/main.go": main(body=body)})
    assert [p for p in found.files if p not in {"go.mod", "cmd/api/main.go"}] == [
        f"cmd/api/{name}" for name in names
    ]


def test_a_pattern_without_files_is_refused_where_it_stands() -> None:
    body = 'import _ "embed"\n//go:embed gone.txt\nvar s string\n'
    error = refusal({"go.mod": MOD, "cmd/api/main.go": main(body=body)})
    assert str(error) == "cmd/api/main.go:3:12: no file matches `gone.txt`"


def test_embeds_of_packages_in_the_root_folder() -> None:
    files = {
        "go.mod": MOD,
        "main.go": main(body='import _ "embed"\n//go:embed web\nvar s string\n'),
        "web/a": "",
    }
    assert analyse(files, "").files == ("go.mod", "main.go", "web/a")


def test_an_import_of_a_missing_workspace_package_is_refused() -> None:
    error = refusal({"go.mod": MOD, "cmd/api/main.go": main('"example.com/mono/gone"')})
    assert str(error).startswith("cmd/api/main.go:2:8: package `example.com/mono/gone` is imported")


def test_an_import_of_a_package_for_other_systems_is_refused() -> None:
    files = {
        "go.mod": MOD,
        "cmd/api/main.go": main('"example.com/mono/w"'),
        "w/w_windows.go": "package w\n",
    }
    assert "build constraints exclude all" in str(refusal(files))


def test_a_library_is_no_main_package() -> None:
    error = refusal({"go.mod": MOD, "cmd/api/x.go": "package api\n"})
    assert str(error) == "cmd/api/x.go: this is package `api`, not `main`"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "cmd/api/BUILD.yaml: there is no go.mod here or in a folder above"),
        ({"go.mod": MOD}, "cmd/api/BUILD.yaml: no Go file here is for linux/amd64"),
    ],
)
def test_a_folder_without_go_is_refused(files: dict[str, str], message: str) -> None:
    assert str(refusal(files)) == message


def test_the_nearest_module_counts_and_nested_ones_are_elsewhere() -> None:
    files = {
        "go.mod": MOD,
        "cmd/api/go.mod": "module example.com/api\n",
        "cmd/api/main.go": main('"example.com/api/internal/x"', '"example.com/mono/common"'),
        "cmd/api/internal/x/x.go": "package x\n",
        "common/common.go": "package common\n",
    }
    found = analyse(files)
    assert found.module == "cmd/api"
    assert found.files == ("cmd/api/go.mod", "cmd/api/internal/x/x.go", "cmd/api/main.go")
    assert found.external == ("example.com/mono/common",)


def test_a_package_of_a_nested_module_is_external() -> None:
    files = {
        "go.mod": MOD + "require example.com/mono/lib v1.0.0\n",
        "cmd/api/main.go": main('"example.com/mono/lib/x"', '"example.com/mono/lib"'),
        "lib/go.mod": "module example.com/mono/lib\n",
        "lib/x/x.go": "package x\n",
    }
    assert analyse(files).external == ("example.com/mono/lib", "example.com/mono/lib/x")


def test_a_required_module_below_the_path_of_ours_is_external() -> None:
    files = {
        "go.mod": MOD + "require (\n\texample.com/mono/far/v2 v2.0.0 // indirect\n)\n",
        "cmd/api/main.go": main('"example.com/mono/far/v2/x"'),
    }
    assert analyse(files).external == ("example.com/mono/far/v2/x",)


def test_a_module_path_without_a_dot_is_no_standard_package() -> None:
    files = {
        "go.mod": "module mono\nrequire corp/lib v1.0.0\n",
        "cmd/api/main.go": main('"mono/common"', '"corp/lib/x"', '"encoding/json"', '"unsafe"'),
        "common/c.go": "package common\n",
    }
    found = analyse(files)
    assert "common/c.go" in found.files
    assert found.external == ("corp/lib/x",)


REPLACED = {
    "service/main.go": main('"example.com/lib/deep"'),
    "lib/go.mod": "module example.com/lib\n",
    "lib/go.sum": "",
    "lib/deep/d.go": 'package deep\nimport "github.com/x/y"\n',
}


@pytest.mark.parametrize(
    "replace",
    [
        "replace example.com/lib => ../lib",
        "replace example.com/lib v1.0.0 => ../lib // here",
        'replace "example.com/lib" => `../lib`',
        "replace (\n\tgithub.com/a/b => github.com/c/d v1.0.0\n\n\texample.com/lib => ../lib\n)",
        "replace(\nexample.com/lib => ../lib/\n)",
    ],
)
def test_local_replacements_are_followed(replace: str) -> None:
    files = {**REPLACED, "service/go.mod": f"module example.com/service\n{replace}\n"}
    found = analyse(files, "service")
    assert found.manifests == ("lib/go.mod", "service/go.mod")
    assert found.files == ("lib/deep/d.go", "lib/go.mod", "service/go.mod", "service/main.go")
    assert found.external == ("github.com/x/y",)


def test_a_replacement_outside_the_workspace_is_refused() -> None:
    text = "module example.com/service\nreplace example.com/lib => ../../lib\n"
    error = refusal({**REPLACED, "service/go.mod": text}, "service")
    assert str(error) == (
        "service/go.mod:2:28: the replacement `../../lib` is outside the workspace"
    )


def test_replacements_of_replaced_modules_do_not_count() -> None:
    files = {
        **REPLACED,
        "service/go.mod": "module example.com/service\nreplace example.com/lib => ../lib\n",
        "lib/go.mod": "module example.com/lib\nreplace github.com/x/y => ../y\n",
        "y/go.mod": "module github.com/x/y\n",
        "y/y.go": "package y\n",
    }
    assert analyse(files, "service").external == ("github.com/x/y",)


WORK = {
    "go.work": "go 1.24.0\n\nuse ./api\nuse (\n\t./words // shared\n)\nreplace example.com/r => ./r\n",
    "go.work.sum": "",
    "api/go.mod": "module example.com/api\n",
    "api/go.sum": "",
    "api/main.go": main('"example.com/words"', '"example.com/r"'),
    "words/go.mod": "module example.com/words\n",
    "words/w.go": "package words\n",
    "r/go.mod": "module example.com/r\n",
    "r/r.go": "package r\n",
    "other/go.mod": "module example.com/other\n",
    "other/main.go": main('"example.com/words"'),
}


def test_go_work_joins_its_modules() -> None:
    found = analyse(WORK, "api")
    assert found.module == "api"
    assert found.manifests == (
        "api/go.mod", "api/go.sum", "go.work", "go.work.sum", "r/go.mod", "words/go.mod",
    )  # fmt: skip
    assert {"words/w.go", "r/r.go"} < set(found.files)
    assert found.external == ()


def test_a_module_that_go_work_does_not_use_is_on_its_own() -> None:
    found = analyse(WORK, "other")
    assert found.manifests == ("other/go.mod",)
    assert found.external == ("example.com/words",)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        ("../x", "go.work:2:5: `../x` is outside the workspace"),
        ("./gone", "go.work:2:5: there is no go.mod in `./gone`"),
    ],
)
def test_a_use_that_leads_nowhere_is_refused(use: str, message: str) -> None:
    assert str(refusal({**WORK, "go.work": f"use ./api\nuse {use}\n"}, "api")) == message


def test_the_longest_module_path_wins() -> None:
    files = {
        "go.work": "use .\nuse ./deep\n",
        "go.mod": MOD,
        "cmd/api/main.go": main('"example.com/mono/lib/x"'),
        "lib/x/shadowed.go": "package x\n",
        "deep/go.mod": "module example.com/mono/lib\n",
        "deep/x/x.go": "package x\n",
    }
    found = analyse(files)
    assert "deep/x/x.go" in found.files
    assert "lib/x/shadowed.go" not in found.files


def test_a_vendor_folder_is_taken_whole_and_its_packages_stay_external() -> None:
    files = {
        "go.mod": MOD + "replace example.com/lib => ../outside\n",
        "cmd/api/main.go": main('"github.com/x/y"', '"example.com/lib"'),
        "vendor/modules.txt": "",
        "vendor/github.com/x/y/y.go": "package y\n",
        "vendor/github.com/x/y/LICENSE": "",
        "vendor/example.com/lib/l.go": "package lib\n",
    }
    found = analyse(files)
    assert found.vendored == tuple(sorted(path for path in files if path.startswith("vendor/")))
    assert found.external == ("example.com/lib", "github.com/x/y")
    assert found.files == ("cmd/api/main.go", "go.mod")


def test_a_vendor_folder_without_its_list_is_just_a_folder() -> None:
    files = {"go.mod": MOD, "cmd/api/main.go": main(), "vendor/x/x.go": "package x\n"}
    assert analyse(files).vendored == ()


def test_a_go_mod_without_a_module_line_is_refused() -> None:
    files = {"go.mod": "go 1.24.0\n", "cmd/api/main.go": main()}
    with pytest.raises(BuildFileError, match=r"^go\.mod: there is no `module` line$"):
        analyse(files)


def test_import_cycles_end() -> None:
    files = {
        "go.mod": MOD,
        "cmd/api/main.go": main('"example.com/mono/a"'),
        "a/a.go": 'package a\nimport "example.com/mono/b"\n',
        "b/b.go": 'package b\nimport "example.com/mono/a"\n',
    }
    assert analyse(files).files == ("a/a.go", "b/b.go", "cmd/api/main.go", "go.mod")
