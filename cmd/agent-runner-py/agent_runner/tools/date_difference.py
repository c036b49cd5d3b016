"""How far two days are apart."""

from datetime import date
from typing import Annotated

from msgspec import Meta, field

from agent_runner.tools.tool import Arguments, Tool


class DateDifferenceArguments(Arguments, frozen=True):
    from_: Annotated[date, Meta(description="the first day, like 2026-01-31")] = field(name="from")
    to: Annotated[date, Meta(description="the other day")]


def date_difference(arguments: DateDifferenceArguments) -> dict[str, int]:
    days = (arguments.to - arguments.from_).days
    return {"days": days, "whole_weeks": abs(days) // 7}


DATE_DIFFERENCE = Tool(
    name="date_difference",
    description="Counts the days from one date to another; negative when the other is earlier",
    arguments=DateDifferenceArguments,
    run=date_difference,
)
