"""What the tests of all rules have in common: they are run, and what they said is the layer.

The step itself always succeeds, so that what failing tests said can be exported too. Below /out/test:

    limit          seconds that one attempt may take
    form           how to read what the tests said (see `Form`)
    1/log, 2/log   what attempt 1, 2, … wrote; of endless logs, beginning and end
    1/junit.xml    where the tests write JUnit XML
    1/end          exit code and seconds, separated by a space
"""

import re
from collections.abc import Mapping
from enum import StrEnum

from buildsys.model.action import Action, Role, SourceInput
from buildsys.model.dockerfile import Stage, run
from buildsys.model.target import Target
from buildsys.rules.image import NamedRule

TEST_LAYER = "tests"
RESULTS = "/out/test"
_GO_COMPILES_S = 900
_LOG_PART = 24 << 20
"""Bytes of a log's beginning and of its end that are kept: tests that hang often print without end."""
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


class Form(StrEnum):
    """In which form tests say how they went."""

    GO = "go test -json"
    JUNIT = "junit"
    CARGO = "cargo test"


def seconds(duration: str) -> int:
    """`1m30s` → 90; at least 1."""
    found = re.findall(r"([0-9]+)(ms|h|m|s)", duration)
    return max(1, round(sum(int(number) * _UNITS[unit] for number, unit in found)))


def time_limit(target: Target) -> int:
    """How many seconds one attempt may take."""
    return seconds(target.text("test_timeout"))


def step_of_tests(
    target: Target, form: Form, command: str, *, compiled: str = "", mounts: tuple[str, ...] = ()
) -> str:
    """The step that runs `command` until it succeeds, at most as often as the target says.

    `command` may name `$out`, the folder of the attempt; `compiled` comes before it and has all the time
    that it needs. What they leave running ends with the step.
    """
    attempts = target.number("test_attempts") or 1
    limit = time_limit(target)
    # Go has a limit of its own, which says where a test hangs, and doesn't count compiling.
    killed = limit + _GO_COMPILES_S if form is Form.GO else limit
    before = f"{compiled} && begin=$(date +%s) && " if compiled else ""
    loop = (
        f"for attempt in $(seq {attempts}); do out={RESULTS}/$attempt; mkdir -p $out;"
        " begin=$(date +%s); code=0;"
        f" {{ {before}timeout -s KILL {killed} {command}; }} > $out/log 2>&1 < /dev/null || code=$?;"
        ' echo "$code $(($(date +%s) - begin))" > $out/end;'
        f" if [ $(wc -c < $out/log) -gt {2 * _LOG_PART} ]; then mv $out/log /tmp/log;"
        f" {{ head -c {_LOG_PART} /tmp/log; echo; echo '[left out]'; tail -c {_LOG_PART} /tmp/log; }}"
        " > $out/log; rm /tmp/log; fi;"
        " if [ $code = 0 ]; then break; fi; done"
    )
    prepare = f"mkdir -p {RESULTS} /tmp && echo '{form}' > {RESULTS}/form && echo {limit} > {RESULTS}/limit"
    return run(prepare, loop, mounts=mounts, offline=True)


def action_of_tests(
    rule: NamedRule,
    under: str,
    lines: tuple[str, ...],
    files: tuple[str, ...],
    platform: str,
    *,
    stand_ins: Mapping[str, str] | None = None,
) -> Action:
    """The action that runs tests on top of the layer `under`."""
    tests = Stage("tests", under, ("COPY --from=test-sources / /src/", *lines))
    results = Stage("results", "scratch", (f"COPY --from=tests {RESULTS} /",))
    return Action(
        layer=TEST_LAYER,
        role=Role.TEST,
        rule=rule.name,
        rule_version=rule.version,
        stages=(tests, results),
        platform=platform,
        sources=(SourceInput("test-sources", files),),
        layers=(under,),
        stand_ins=stand_ins,
    )
