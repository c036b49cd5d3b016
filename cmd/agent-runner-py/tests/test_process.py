"""The service as a process: how it starts, and how it stops."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

SERVICE = Path(__file__).parents[1]
# The service with one more provider, whose replies take as long as its prompt says.
SLOW_SERVICE = """
import asyncio, os
from agent_runner import __main__ as service
from agent_runner.conversation import Reply, Usage

class Slow:
    async def reply(self, conversation):
        await asyncio.sleep(float(conversation.prompt))
        return Reply(Usage(), "slept")

service.BuiltinModel = Slow
service.main()
"""


@pytest.fixture
def start():
    started = []

    def start(*arguments, **environment):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "-B", *arguments],
            cwd=SERVICE,
            env=os.environ | {"HOST": "127.0.0.1", "PORT": str(port)} | environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False)
        started.append((process, client))
        wait_for(lambda: client.get("/health").status_code == 200)
        return process, client

    yield start
    for process, client in started:
        client.close()
        process.kill()
        process.communicate()


def wait_for(condition):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    pytest.fail("waited in vain")


def execute_in_background(client, prompt):
    answers = []

    def execute():
        step = {"run_id": "r", "step_id": "s", "type": "agent", "with": {"prompt": prompt}}
        try:
            answers.append(client.post("/v1/execute", json=step, timeout=20))
        except httpx.TransportError as error:
            answers.append(error)

    thread = threading.Thread(target=execute)
    thread.start()
    time.sleep(0.3)
    return thread, answers


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_an_idle_service_with_exit_0(start, number):
    process, _ = start("-m", "agent_runner")
    process.send_signal(number)
    _, logged = process.communicate(timeout=10)
    assert process.returncode == 0
    lines = [json.loads(line) for line in logged.splitlines()]
    assert [line["msg"] for line in lines] == ["listening", "stopping", "stopped"]


def test_a_step_in_flight_is_finished(start):
    process, client = start("-c", SLOW_SERVICE)
    thread, answers = execute_in_background(client, "1.5")
    process.terminate()
    wait_for(lambda: client.get("/health").status_code == 503)
    thread.join()
    assert answers[0].json()["output"]["text"] == "slept"
    assert process.wait(timeout=10) == 0


def test_a_step_that_takes_too_long_is_left(start):
    process, client = start("-c", SLOW_SERVICE, SHUTDOWN_TIMEOUT="300ms")
    thread, _ = execute_in_background(client, "60")
    process.terminate()
    assert process.wait(timeout=10) == 0
    thread.join()


def test_settings_that_make_no_sense_are_told():
    ended = subprocess.run(
        [sys.executable, "-B", "-m", "agent_runner"],
        cwd=SERVICE,
        env=os.environ | {"PORT": "http"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr == "PORT: `http` is not a number from 0 to 65535\n"
