"""Arithmetic, parsed by hand: nothing of what a model writes is ever evaluated as Python.

sum     = product (("+" | "-") product)*
product = sign (("*" | "/" | "%") sign)*
sign    = ("-" | "+")* power
power   = value (("^" | "**") sign)?
value   = number | "(" sum ")" | function "(" sum ("," sum)* ")"
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Context, Decimal, DecimalException, DivisionByZero, InvalidOperation, Overflow
from typing import Annotated

from msgspec import Meta

from agent_runner.errors import ToolFailed
from agent_runner.tools.tool import Arguments, Tool

# 0.1 + 0.2 is 0.3 in decimals. The exponent's limit keeps results within a JSON number.
_DECIMALS = Context(
    prec=28, Emax=307, Emin=-307, traps=[DivisionByZero, InvalidOperation, Overflow]
)
_EXACT_IN_A_DOUBLE = 2**53
# Deep enough for people, shallow enough for Python's stack.
_MAX_DEPTH = 50
_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?|\.\d+)|([a-z]+)|(\*\*|[-+*/%^(),]))", re.ASCII)


def _sum(values: list[Decimal]) -> Decimal:
    total = Decimal(0)
    for value in values:
        total = _DECIMALS.add(total, value)
    return total


_FUNCTIONS: dict[str, tuple[int, Callable[[list[Decimal]], Decimal]]] = {
    # name: (how many arguments at most, what it does)
    "abs": (1, lambda values: abs(values[0])),
    "avg": (1000, lambda values: _DECIMALS.divide(_sum(values), Decimal(len(values)))),
    "max": (1000, max),
    "min": (1000, min),
    "round": (1, lambda values: values[0].to_integral_value(context=_DECIMALS)),
    "sqrt": (1, lambda values: _DECIMALS.sqrt(values[0])),
    "sum": (1000, _sum),
}


class CalculatorArguments(Arguments, frozen=True):
    expression: Annotated[
        str, Meta(min_length=1, max_length=10_000, description="for example `(2 + 3) * sqrt(16)`")
    ]


def calculate(arguments: CalculatorArguments) -> int | float:
    try:
        value = _Parser(_tokens(arguments.expression)).whole()
    except DivisionByZero:
        raise ToolFailed("division_by_zero", "division by zero") from None
    except DecimalException as error:
        raise ToolFailed("out_of_range", f"no result: {type(error).__name__}") from None
    if value == value.to_integral_value() and abs(value) <= _EXACT_IN_A_DOUBLE:
        return int(value)
    return float(value)


CALCULATOR = Tool(
    name="calculator",
    description="Evaluates arithmetic: + - * / % ^, parentheses, " + ", ".join(sorted(_FUNCTIONS)),
    arguments=CalculatorArguments,
    run=calculate,
)


def _tokens(expression: str) -> list[str]:
    tokens = []
    position = 0
    end = len(expression.rstrip())
    while position < end:
        match = _TOKEN.match(expression, position)
        if match is None:
            raise _syntax(f"unexpected `{expression[position:].strip()[0]}`")
        tokens.append(match.group().strip())
        position = match.end()
    return tokens


def _syntax(message: str) -> ToolFailed:
    return ToolFailed("syntax", message)


class _Parser:
    """Computes while it parses; each method is the rule of its name in the module's grammar."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._next = 0
        self._depth = 0

    def whole(self) -> Decimal:
        value = self._sum()
        if self._peek():
            raise _syntax(f"unexpected `{self._peek()}`")
        return value

    def _sum(self) -> Decimal:
        value = self._product()
        while (operator := self._peek()) in ("+", "-"):
            self._take()
            right = self._product()
            value = (_DECIMALS.add if operator == "+" else _DECIMALS.subtract)(value, right)
        return value

    def _product(self) -> Decimal:
        operations = {"*": _DECIMALS.multiply, "/": _DECIMALS.divide, "%": _DECIMALS.remainder}
        value = self._sign()
        while self._peek() in operations:
            operation = operations[self._take()]
            value = operation(value, self._sign())
        return value

    def _sign(self) -> Decimal:
        negative = False
        while self._peek() in ("-", "+"):
            negative ^= self._take() == "-"
        value = self._power()
        return _DECIMALS.minus(value) if negative else value

    def _power(self) -> Decimal:
        base = self._value()
        if self._peek() not in ("^", "**"):
            return base
        self._take()
        with self._nested():
            return _DECIMALS.power(base, self._sign())

    def _value(self) -> Decimal:
        token = self._take()
        if token == "(":
            with self._nested():
                value = self._sum()
            self._expect(")")
            return value
        if token.isalpha():
            return self._function(token)
        if token[:1].isdigit() or token.startswith("."):
            return _DECIMALS.create_decimal(token)
        raise _syntax(f"unexpected `{token}`" if token else "unexpected end")

    def _function(self, name: str) -> Decimal:
        if name not in _FUNCTIONS:
            raise _syntax(f"no function `{name}`; there are {', '.join(sorted(_FUNCTIONS))}")
        self._expect("(")
        with self._nested():
            values = [self._sum()]
            while self._peek() == ",":
                self._take()
                values.append(self._sum())
        self._expect(")")
        at_most, function = _FUNCTIONS[name]
        if len(values) > at_most:
            raise _syntax(f"`{name}` takes at most {at_most} values, not {len(values)}")
        return function(values)

    @contextmanager
    def _nested(self) -> Iterator[None]:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise _syntax(f"nested deeper than {_MAX_DEPTH}")
        yield
        self._depth -= 1

    def _peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self._next += 1
        return token

    def _expect(self, token: str) -> None:
        if self._peek() != token:
            raise _syntax(f"`{token}` expected, not `{self._peek() or 'the end'}`")
        self._take()
