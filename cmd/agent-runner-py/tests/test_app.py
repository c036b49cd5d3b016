import asyncio
import json
import logging

import httpx
import pytest

from agent_runner.app import AgentRunner, build_app
from agent_runner.builtin.model import BuiltinModel
from agent_runner.lifecycle import Lifecycle
from agent_runner.logs import JsonLines
from agent_runner.tools import TOOLS


class Sleeper:
    async def reply(self, conversation):
        await asyncio.sleep(60)


class Broken:
    async def reply(self, conversation):
        raise ZeroDivisionError


def ask(method, path, *, stopping=False, headers=None, **options):
    async def asked():
        lifecycle = Lifecycle()
        if stopping:
            lifecycle.stop()
        providers = {"builtin": BuiltinModel(), "sleeper": Sleeper(), "broken": Broken()}
        app = build_app(AgentRunner(TOOLS, providers, lifecycle, max_body_bytes=10_000))
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.request(method, path, headers=headers, **options)

    return asyncio.run(asked())


def execute(with_, **fields):
    step = {"run_id": "r_1", "step_id": "s", "attempt": 1, "type": "agent", "with": with_}
    return ask("POST", "/v1/execute", json=step | fields)


def error_of(response):
    assert set(response.json()) == {"error"}
    error = response.json()["error"]
    return response.status_code, error["code"], error["message"]


def test_health():
    response = ask("GET", "/health")
    assert (response.status_code, response.json()) == (
        200,
        {"status": "ok", "service": "agent-runner-py"},
    )
    response = ask("GET", "/health", stopping=True)
    assert (response.status_code, response.json()["status"]) == (503, "stopping")


def test_tools_are_listed():
    listed = ask("GET", "/v1/tools").json()["tools"]
    assert [tool["name"] for tool in listed] == sorted(TOOLS)
    assert all(tool["parameters"]["type"] == "object" for tool in listed)


def test_a_step_succeeds():
    response = execute({"prompt": "What is 2 + 3?", "tools": ["calculator"]})
    assert response.status_code == 200
    assert response.json() == {
        "status": "succeeded",
        "output": {
            "text": "2 + 3 = 5.",
            "turns": 2,
            "tool_calls": [
                {"name": "calculator", "arguments": {"expression": "2 + 3"}, "result": 5}
            ],
            "usage": response.json()["output"]["usage"],
        },
    }


def test_a_prompt_may_be_any_value():
    output = execute({"prompt": {"n": [1, 2]}}).json()["output"]
    assert output["text"] == '{"n":[1,2]}'


def test_a_failed_call_is_in_the_output():
    output = execute({"prompt": "1 / 0", "tools": ["calculator"]}).json()["output"]
    assert output["tool_calls"][0]["result"] == {
        "error": {"code": "division_by_zero", "message": "division by zero"}
    }


def test_a_step_out_of_turns_fails_for_good():
    response = execute({"prompt": "2 + 3", "tools": ["calculator"], "max_turns": 1})
    assert response.status_code == 200
    assert response.json() == {
        "status": "failed",
        "error": "no answer within 1 turns; raise `max_turns`",
        "retryable": False,
    }


def test_a_step_out_of_time_may_be_tried_again():
    response = execute({"prompt": "a", "provider": "sleeper"}, timeout="20ms")
    assert response.json() == {
        "status": "failed",
        "error": "no answer within 0.02s",
        "retryable": True,
    }


@pytest.mark.parametrize(
    ("with_", "message"),
    [
        ({}, "with: Object missing required field `prompt`"),
        ({"prompt": " "}, "with: `prompt` is empty"),
        ({"prompt": None}, "with: `prompt` is empty"),
        ({"prompt": "a", "tool": []}, "with: Object contains unknown field `tool`"),
        (
            {"prompt": "a", "tools": "calculator"},
            "with: Expected `array`, got `str` - at `$.tools`",
        ),
        ({"prompt": "a", "max_turns": 0}, "with: Expected `int` >= 1 - at `$.max_turns`"),
        (
            {"prompt": "a", "provider": "cloud"},
            "no provider `cloud`; there are broken, builtin, sl",
        ),
        ({"prompt": "a", "tools": ["phone"]}, "with: no tool `phone`; there are calculator, date"),
        ("a", "with: Expected `object`, got `str`"),
    ],
)
def test_a_step_that_makes_no_sense(with_, message):
    status, code, said = error_of(execute(with_))
    assert (status, code) == (400, "invalid_step")
    assert message in said


def test_other_types_and_timeouts_that_are_none():
    assert error_of(execute({"prompt": "a"}, type="http"))[1] == "invalid_step"
    assert error_of(execute({"prompt": "a"}, timeout="5"))[1] == "invalid_step"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"run_id": "r"}', b"[" * 9_000, b"\xff"])
def test_bodies_that_are_no_request(body):
    assert error_of(ask("POST", "/v1/execute", content=body))[:2] == (400, "invalid_request")


def test_a_body_too_large():
    refused = error_of(ask("POST", "/v1/execute", content=b" " * 10_001))
    assert refused == (413, "too_large", "the body is larger than 10000 bytes")


def test_no_new_steps_while_stopping():
    assert error_of(ask("POST", "/v1/execute", stopping=True, json={}))[:2] == (503, "stopping")


def test_what_there_is_not():
    assert error_of(ask("GET", "/v2")) == (404, "not_found", "GET /v2: Not Found")
    response = ask("GET", "/v1/execute")
    assert error_of(response)[:2] == (405, "method_not_allowed")
    assert response.headers["allow"] == "POST"


def test_a_bug_is_an_answer_too():
    response = execute({"prompt": "a", "provider": "broken"})
    assert error_of(response)[:2] == (500, "internal")
    assert response.headers["x-request-id"]


def test_request_ids_are_passed_on():
    assert ask("GET", "/health", headers={"X-Request-Id": "r-7"}).headers["x-request-id"] == "r-7"
    given = ask("GET", "/health").headers["x-request-id"]
    assert len(given) == 16
    assert ask("GET", "/health", headers={"X-Request-Id": "a b"}).headers["x-request-id"] != "a b"


def test_log_lines_are_json():
    record = logging.LogRecord("a", logging.WARNING, "", 0, "said %s", ("so",), None)
    record.fields = {"run_id": "r_1"}
    line = json.loads(JsonLines().format(record))
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "warn",
        "msg": "said so",
        "service": "agent-runner-py",
        "run_id": "r_1",
    }
