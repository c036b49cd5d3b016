"""Messages with file and line, found in what real compilers and tests wrote."""

import json

import pytest

from buildsys.reporting.annotations import code_quality, github_command
from buildsys.reporting.problems import Problem, problems_in

FILES = (
    "cmd/fanout/main.go", "go.mod", "cmd/aob-cli/src/main.rs", "cmd/agent/agent/text.py",
    "cmd/agent/tests/test_agent.py",
    "cmd/a/main_test.go", "cmd/b/main_test.go", "cmd/a/deep/b/main_test.go", "src/main.c",
)  # fmt: skip

GO = """\
# aob.dev/platform/cmd/fanout
cmd/fanout/main.go:18:13: undefined: undefinedName
cmd/fanout/main.go:19:5: x redeclared in this block
\tcmd/fanout/main.go:18:5: other declaration of x
/usr/local/go/src/net/http/server.go:3:1: not of the workspace
"""
RUST = """\
   Compiling aob-cli v0.1.0 (/src/cmd/aob-cli)
warning: unused variable: `x`
  --> cmd/aob-cli/src/main.rs:2:5
   |
error[E0425]: cannot find value `undefined_name` in this scope
  --> cmd/aob-cli/src/main.rs:20:22
   |
20 | fn broken() -> u32 { undefined_name }
   |                      ^^^^^^^^^^^^^^ not found in this scope

error: could not compile `aob-cli` (bin "aob") due to 1 previous error
"""
PYTHON = """\
Traceback (most recent call last):
  File "<stdin>", line 8, in compiled
  File "cmd/agent/agent/text.py", line 1
    def broken(:
               ^
SyntaxError: invalid syntax
"""
LIBRARY = """\
Traceback (most recent call last):
  File "cmd/agent/agent/text.py", line 7, in load
  File "/usr/lib/python3.13/json/decoder.py", line 345, in decode
json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)
"""
PYTEST = f"""\
cmd/agent/tests/test_agent.py ....FF                                               [  4%]

=================================== FAILURES ===================================
______________________________ test_made_to_fail _______________________________

    def test_made_to_fail():
>       assert 1 + 1 == 3, "sums"
E       AssertionError: sums
E       assert (1 + 1) == 3

cmd/agent/tests/test_agent.py:65: AssertionError
_________________________________ test_raises __________________________________

    def test_raises():
>       text.load("")

cmd/agent/tests/test_agent.py:70:{" "}
_ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _
>       raise KeyError("x")
E       KeyError: 'x'

cmd/agent/agent/text.py:7: KeyError
=========================== short test summary info ============================
FAILED cmd/agent/tests/test_agent.py::test_made_to_fail - AssertionError: sums
"""
COLLECTING = """\
_________________ ERROR collecting tests/test_agent.py _________________
E     File "cmd/agent/tests/test_agent.py", line 3
E       def broken(:
E                  ^
E   SyntaxError: invalid syntax
"""
PANIC = """\
thread 'made::fails' panicked at cmd/aob-cli/src/main.rs:25:9:
assertion `left == right` failed: sums
  left: 1
 right: 2
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
"""
GO_TEST = """\
=== RUN   TestOne
    main_test.go:72: made to fail 1
--- FAIL: TestOne (0.07s)
FAIL
FAIL\taob.dev/platform/cmd/b\t0.270s
=== RUN   TestTwo
    main_test.go:98: made to fail 2
--- FAIL: TestTwo (0.07s)
FAIL
FAIL\taob.dev/platform/cmd/a/deep/b\t0.270s
ok  \taob.dev/platform/common/api\t0.416s
"""
C = """\
src/main.c:3:10: fatal error: nowhere.h: No such file or directory
src/main.c:9:1: warning: control reaches end of non-void function
src/main.c:12:5: error: expected ';' before 'return'
src/main.c:3:2: note: declared here
"""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (GO, [("cmd/fanout/main.go", 18, 13, "undefined: undefinedName"),
              ("cmd/fanout/main.go", 19, 5, "x redeclared in this block")]),
        ("go.mod:7: unknown directive: requires\n", [("go.mod", 7, 0, "unknown directive: requires")]),
        (RUST, [("cmd/aob-cli/src/main.rs", 20, 22, "cannot find value `undefined_name` in this scope")]),
        (PYTHON, [("cmd/agent/agent/text.py", 1, 0, "SyntaxError: invalid syntax")]),
        (LIBRARY, [("cmd/agent/agent/text.py", 7, 0,
                    "json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)")]),
        (PYTEST, [("cmd/agent/tests/test_agent.py", 65, 0, "AssertionError: sums\n    assert (1 + 1) == 3"),
                  ("cmd/agent/agent/text.py", 7, 0, "KeyError: 'x'")]),
        (COLLECTING, [("cmd/agent/tests/test_agent.py", 3, 0, "SyntaxError: invalid syntax")]),
        (PANIC, [("cmd/aob-cli/src/main.rs", 25, 9,
                  "assertion `left == right` failed: sums\n  left: 1\n right: 2")]),
        (GO_TEST, [("cmd/b/main_test.go", 72, 0, "made to fail 1"),
                   ("cmd/a/deep/b/main_test.go", 98, 0, "made to fail 2")]),
        (C, [("src/main.c", 3, 10, "nowhere.h: No such file or directory"),
             ("src/main.c", 12, 5, "expected ';' before 'return'")]),
        ("nothing to see\n", []),
    ],
    ids=["go", "go.mod", "rust", "python", "library", "pytest", "collecting", "panic", "go test", "c", "none"],
)  # fmt: skip
def test_each_message_has_its_place(text: str, found: list[tuple[str, int, int, str]]) -> None:
    problems = problems_in(text, FILES)
    assert [(p.path, p.line, p.column, p.message) for p in problems] == found


def test_a_problem_is_said_once_and_in_order() -> None:
    text = PYTHON + GO + PYTHON
    assert [p.line for p in problems_in(text, FILES)] == [1, 18, 19]


def test_a_long_text_is_read_in_no_time() -> None:
    """No pattern goes back over what it has seen: this would take minutes."""
    text = "E   " * 20_000 + "\n" + "error: x\n" * 20_000 + "a/" * 20_000 + "x.py:1: A\n"
    assert problems_in(text, FILES) == ()


def test_what_github_reads_can_not_be_broken_out_of() -> None:
    problem = Problem("50% of\n::error::all", "a,b:c.go", 3, 7)
    assert github_command(problem, "image of //x, //y") == (
        "::error file=a%2Cb%3Ac.go,line=3,col=7,title=image of //x%2C //y::50%25 of%0A::error::all"
    )
    assert github_command(Problem("no place"), "t") == "::error title=t::no place"


def test_gitlab_knows_a_problem_again() -> None:
    one, two = Problem("bad", "a.go", 3), Problem("bad", "a.go", 9)
    rows = json.loads(code_quality([("c", one), ("c", two), ("c", Problem("no place"))]))
    assert [row["location"] for row in rows] == [
        {"path": "a.go", "lines": {"begin": 3}},
        {"path": "a.go", "lines": {"begin": 9}},
    ]
    assert all(
        set(row) == {"description", "check_name", "fingerprint", "severity", "location"}
        for row in rows
    )
    again = json.loads(code_quality([("c", Problem("bad", "a.go", 4))]))
    assert again[0]["fingerprint"] == rows[0]["fingerprint"] != rows[1]["fingerprint"]
