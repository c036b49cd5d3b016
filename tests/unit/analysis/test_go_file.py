"""The header of a Go file, in all the ways that Go allows to write one."""

import json

import pytest

from buildsys.analysis.go_file import GoFileReader


def read(text: str) -> dict[str, list[str] | str]:
    facts = GoFileReader().read(text)
    return {
        "package": facts["package"],
        "constraint": facts["constraint"],
        "imports": [path for path, _, _ in facts["imports"]],
        "embeds": [pattern for pattern, _, _ in facts["embeds"]],
    }


@pytest.mark.parametrize(
    ("declarations", "imports"),
    [
        ('import "fmt"', ["fmt"]),
        ("import `fmt`", ["fmt"]),
        ('import f "fmt"', ["fmt"]),
        ('import . "fmt"', ["fmt"]),
        ('import _ "fmt"', ["fmt"]),
        ('import"fmt"', ["fmt"]),
        ('import("fmt";"os")', ["fmt", "os"]),
        ('import (\n\t"a"\n\n\tb "c/b" // why\n\t_ `d`\n)', ["a", "c/b", "d"]),
        ("import ()", []),
        ('import "a"; import "b"', ["a", "b"]),
        ('import "a"\nimport (\n"b"\n)\nimport c "c"', ["a", "b", "c"]),
        ('import /* x */ "a" /* "no" */', ["a"]),
        ('import (\n"a" /* "b"\n"c" */\n"d"\n)', ["a", "d"]),
        ('import "example.com/\\u0061/\\x62"', ["example.com/a/b"]),
        ('import (\n// "commented/out"\n"in"\n)', ["in"]),
        ('import "a"\nvar x = `\nimport "no"\n`\n', ["a"]),
        ('import "a"\nfunc main() { s := "import \\"b\\"" }', ["a"]),
        ('import größe "a"', ["a"]),
        ("", []),
    ],
)
def test_imports_are_found_in_every_form(declarations: str, imports: list[str]) -> None:
    assert read(f"package main\n{declarations}\nfunc main() {{}}\n")["imports"] == imports


def test_places_of_imports_count_from_one() -> None:
    facts = GoFileReader().read('package p\n\nimport (\n\tx "a"\n)\n')
    assert facts["imports"] == [("a", 4, 4)]


def test_facts_survive_being_written_down() -> None:
    facts = GoFileReader().read('package p\nimport _ "embed"\n//go:embed a b\nvar s string\n')
    assert [tuple(found) for found in json.loads(json.dumps(facts))["embeds"]] == facts["embeds"]


@pytest.mark.parametrize("text", ["", "\n", "// only a comment", "/* open", "pack", "package", '"'])
def test_half_a_file_is_no_error(text: str) -> None:
    assert read(text)["imports"] == []


def test_a_byte_order_mark_and_carriage_returns_are_passed_over() -> None:
    found = read('\ufeff//go:build linux\r\n\r\npackage p\r\nimport (\r\n"a"\r\n)\r\n')
    assert found == {"package": "p", "constraint": "linux", "imports": ["a"], "embeds": []}


@pytest.mark.parametrize(
    ("header", "constraint"),
    [
        ("//go:build linux\n\n", "linux"),
        ("//go:build linux\n", "linux"),
        ("// Copyright\n\n//go:build linux && !arm64\n\n", "linux && !arm64"),
        ("/* Licence\n//go:build never\n*/\n\n//go:build linux\n\n", "linux"),
        ("  //go:build linux\n\n", "linux"),
        ("// go:build linux\n\n", ""),
        ("//go:buildlinux\n\n", ""),
        ("/* x */ //go:build linux\n\n", ""),
        ("// +build linux\n\n", "((linux))"),
        (
            "// +build linux,386 darwin\n// +build !cgo\n\n",
            "((linux && 386) || (darwin)) && ((!cgo))",
        ),
        ("// +build linux\n", ""),  # without a blank line it's the package's comment
        ("// +build windows\n\n//go:build linux\n\n", "linux"),
        ("//+build linux\n\n", "((linux))"),
    ],
)
def test_constraints_stand_above_the_package_clause(header: str, constraint: str) -> None:
    assert read(f"{header}package p\n")["constraint"] == constraint


def test_a_constraint_below_the_package_clause_is_a_comment() -> None:
    assert read("package p\n\n//go:build windows\n\nvar x = 1\n")["constraint"] == ""


def test_the_constraint_of_an_assembler_file_is_found() -> None:
    text = '//go:build !purego\n\n#include "textflag.h"\nTEXT ·x(SB), 4, $0\n'
    assert read(text)["constraint"] == "!purego"


@pytest.mark.parametrize(
    ("body", "embeds"),
    [
        ("//go:embed a.txt\nvar s string", ["a.txt"]),
        ("//go:embed a b  c\nvar s string", ["a", "b", "c"]),
        (
            '//go:embed "with space.txt" `raw name` x\nvar s string',
            ["with space.txt", "raw name", "x"],
        ),
        ("//go:embed a\n//go:embed all:b\nvar s string", ["a", "all:b"]),
        ("// Doc.\n//\n//go:embed a\nvar s string", ["a"]),
        ("var (\n\t//go:embed a\n\ts string\n)", ["a"]),
        ("// go:embed a\nvar s string", []),
        ("//go:embedded a\nvar s string", []),
        ("var x = `\n//go:embed a\n`", []),
        ("/*\n//go:embed a\n*/", []),
        ('var x = "//go:embed a"', []),
        ("var x = 1 //go:embed a", []),
        ("var q = '\"'\n//go:embed a\nvar s string // \"", ["a"]),
        ("var q = '`'\n//go:embed a\nvar s string", ["a"]),
        ("//go:embed a\r\nvar s string", ["a"]),
    ],
)
def test_embeds_are_lines_of_their_own(body: str, embeds: list[str]) -> None:
    assert read(f'package p\nimport _ "embed"\n{body}\n')["embeds"] == embeds


def test_embeds_need_the_import() -> None:
    assert read("package p\n//go:embed a\nvar s string\n")["embeds"] == []
