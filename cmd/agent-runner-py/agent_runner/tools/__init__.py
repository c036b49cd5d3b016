"""The tools a step may offer to its model; all are pure functions of their arguments."""

from agent_runner.tools.calculator import CALCULATOR
from agent_runner.tools.date_difference import DATE_DIFFERENCE
from agent_runner.tools.json_extract import JSON_EXTRACT
from agent_runner.tools.keywords import KEYWORDS
from agent_runner.tools.text_search import TEXT_SEARCH
from agent_runner.tools.tool import Tool
from agent_runner.tools.word_count import WORD_COUNT

TOOLS: dict[str, Tool] = {
    tool.name: tool
    for tool in (CALCULATOR, DATE_DIFFERENCE, JSON_EXTRACT, KEYWORDS, TEXT_SEARCH, WORD_COUNT)
}
