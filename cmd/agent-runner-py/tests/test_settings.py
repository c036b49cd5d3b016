import pytest

from agent_runner.durations import parse_duration_s
from agent_runner.settings import Settings, read_settings


def test_defaults():
    assert read_settings({}) == Settings("0.0.0.0", 8081, "info", 10.0, 4 << 20)
    assert read_settings({"HOST": "", "PORT": "", "LOG_LEVEL": ""}) == read_settings({})


def test_the_environment_is_read():
    environment = {"HOST": "::1", "PORT": "80", "LOG_LEVEL": "WARN", "SHUTDOWN_TIMEOUT": "250ms"}
    assert read_settings(environment) == Settings("::1", 80, "warn", 0.25, 4 << 20)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("LOG_LEVEL", "loud"),
        ("SHUTDOWN_TIMEOUT", "10"),
    ],
)
def test_what_is_wrong_is_named(name, value):
    with pytest.raises(ValueError, match=f"^{name}: `{value}` is"):
        read_settings({name: value})


@pytest.mark.parametrize(
    ("text", "seconds"), [("250ms", 0.25), ("5s", 5), ("2m", 120), ("1m30s", 90), ("1.5h", 5400)]
)
def test_durations(text, seconds):
    assert parse_duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "s", "-5s", "0s", "5 s", "5d", "٣s"])
def test_no_durations(text):
    with pytest.raises(ValueError, match=r"is not"):
        parse_duration_s(text)
