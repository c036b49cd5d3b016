import pytest

from agent_runner.errors import ToolFailed
from agent_runner.tools.calculator import CalculatorArguments, calculate


def value_of(expression):
    return calculate(CalculatorArguments(expression))


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("10 - 4 - 3", 3),
        ("2 ^ 3 ^ 2", 512),
        ("-2 ^ 2", -4),
        ("2 ** -1", 0.5),
        ("--3", 3),
        ("7 % 4", 3),
        (".5 * 4", 2),
        ("0.1 + 0.2", 0.3),
        ("1 / 3", 0.3333333333333333),
        ("sqrt(16) + abs(-2)", 6),
        ("sum(1, 2, 3.5)", 6.5),
        ("avg(1, 2)", 1.5),
        ("max(1, 5, 3) - min(4, 2)", 3),
        ("round(2.6)", 3),
    ],
)
def test_values(expression, value):
    result = value_of(expression)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("expression", "code", "message"),
    [
        ("1 / 0", "division_by_zero", "division by zero"),
        ("9 ^ 9 ^ 9 ^ 9", "out_of_range", "no result: Overflow"),
        ("sqrt(-1)", "out_of_range", "no result: InvalidOperation"),
        ("1 +", "syntax", "unexpected end"),
        ("1 2", "syntax", "unexpected `2`"),
        ("(1", "syntax", "`)` expected, not `the end`"),
        ("1; 2", "syntax", "unexpected `;`"),
        ("exit()", "syntax", "no function `exit`; there are abs, avg, max, min, round, sqrt, sum"),
        ("abs(1, 2)", "syntax", "`abs` takes at most 1 values, not 2"),
        ("(" * 100 + "1" + ")" * 100, "syntax", "nested deeper than 50"),
        ("2^" * 100 + "1", "syntax", "nested deeper than 50"),
    ],
)
def test_what_has_no_value(expression, code, message):
    with pytest.raises(ToolFailed) as failed:
        value_of(expression)
    assert (failed.value.code, str(failed.value)) == (code, message)


def test_brackets_side_by_side_are_not_deep():
    assert value_of("+".join(["(1)"] * 200)) == 200
