"""Attribute values: what each kind takes, what it becomes, and how it refuses."""

import pytest

from buildsys.model.target import AttributeValue, Healthcheck
from tests.unit.loading.support import refusal, service, value_of

URL = "http://localhost:8081/health"

TAKEN: dict[str, AttributeValue] = {
    "title: api": "api",
    "title: 1.10": "1.10",
    "title: no": "no",
    "title: 0123": "0123",
    "title: 7": "7",
    "title: ''": "",
    "title: 'true'": "true",
    "title: null": "untitled",
    "title: ~": "untitled",
    "debug: true": True,
    "debug: false": False,
    "port: 1": 1,
    "port: 65535": 65_535,
    "max_size: 15MB": 15_000_000,
    "max_size: 200kB": 200_000,
    "max_size: 1.5GiB": 1_610_612_736,
    "max_size: 1024": 1024,
    "max_size: 10 MiB": 10_485_760,
    "max_size: 1.9B": 1,
    "grace: 500ms": "500ms",
    "grace: 1m30s": "1m30s",
    "grace: 2h": "2h",
    "args: []": (),
    "args: [serve, '--x', 8080]": ("serve", "--x", "8080"),
    "data: ['templates/**', '*.txt', a/b]": ("templates/**", "*.txt", "a/b"),
    "exclude: ['**/x']": ("**/x",),
    "deps: []": (),
    "deps: [':api', '//cmd/api:api']": ("//cmd/api",),
    "env: {B: 2, A: x}": (("A", "x"), ("B", "2")),
    "env: {ON: 'true', no: y}": (("ON", "true"), ("no", "y")),
    f"healthcheck: {{http: '{URL}'}}": Healthcheck(http=URL),
    "healthcheck: {command: [ok, -q], retries: 5, timeout: 1s}": Healthcheck(
        command=("ok", "-q"), retries=5, timeout="1s"
    ),
    "base: golang": "golang",
    "labels: {org.opencontainers.image.vendor: Shop}": (
        ("org.opencontainers.image.vendor", "Shop"),
    ),
    "waive: [setuid, size]": ("setuid", "size"),
    "platforms: [linux/arm64]": ("linux/arm64",),
    "user: 1000:1000": "1000:1000",
    "user: '5:6'": "5:6",
    "writable: [/data, /var/lib/x.y]": ("/data", "/var/lib/x.y"),
}


@pytest.mark.parametrize("written", TAKEN)
def test_a_value_becomes(written: str) -> None:
    assert value_of(written, written.partition(":")[0]) == TAKEN[written]


REFUSED = {
    "title: true": "`title` has to be text, not `true`",
    "title: [a]": "`title` has to be text, not a list",
    "title:": "`title` has no value",
    'title: "a\\nb"': "`title` has a line break or a tab",
    "debug: yes": "`debug` has to be `true` or `false`, not `yes`",
    'debug: "true"': '`debug` has to be `true` or `false`, not `"true"`',
    "port: 0": "`port` has to be a number from 1 to 65535, not `0`",
    "port: 65536": "`port` has to be a number from 1 to 65535",
    "port: -1": "`port` has to be a number",
    'port: "80"': '`port` has to be a number from 1 to 65535, not `"80"`',
    "port: 080": "`port` has to be a number",
    "port: true": "`port` has to be a number",
    "port: 80.0": "`port` has to be a number",
    "max_size: -1": "`max_size` has to be more than 0",
    "max_size: 0": "`max_size` has to be more than 0",
    "max_size: 0.1B": "`max_size` has to be more than 0",
    "max_size: 15M": "`max_size` has to be a size, not `15M`",
    "max_size: -15MB": "`max_size` has to be a size",
    "max_size: true": "`max_size` has to be a size",
    "max_size: 99999999TB": "`max_size` has to be more than 0 and less than 2^63 bytes",
    f"max_size: {'9' * 5000}MB": "`max_size` has to be a size",
    "grace: 30": "`grace` has to be a duration, not `30`",
    "grace: 1s1m": "`grace` has to be a duration",
    "grace: -1s": "`grace` has to be a duration",
    "grace: ''": "`grace` has to be a duration",
    "args: serve": "`args` has to be a list, not `serve`",
    "args: {a: b}": "`args` has to be a list, not a mapping",
    "args: [true]": "`args` has to be text, not `true`",
    "args: [[a]]": "`args` has to be text, not a list",
    "args: [~]": "`args` has to be text, not `~`",
    "data: ['../x']": "`../x` in `data` is not a path below this folder",
    "data: [/etc/passwd]": "`/etc/passwd` in `data` is not a path below this folder",
    "data: ['a//b']": "is not a path below",
    "data: ['a\\b']": "is not a path below",
    "data: ['']": "is not a path below",
    "data: ['./a']": "is not a path below",
    "data: ['docs/']": "`docs/` in `data` ends with `/`",
    "data: ['!a']": "`!a` in `data` starts with `!`",
    "data: ['a**']": "`a**` in `data` has `**` beside",
    "data: ['***']": "`***` in `data` has `**` beside",
    "deps: [api]": "`api` in `deps` is not a label",
    "deps: ['//a b']": "`//a b` in `deps` is not a label",
    "deps: ['//cmd/...']": "is not a label",
    "deps: ['//../x']": "is not a label",
    "env: [A]": "`env` has to be a mapping, not a list",
    "env: {A: true}": "`A` has to be text, not `true`",
    "env: {A: }": "`A` has to be text, not nothing",
    "env: {A-B: x}": "`A-B` in `env` can't name a variable",
    "env: {'A=1 B': x}": "`A=1 B` in `env` can't name a variable",
    "healthcheck: ok": "`healthcheck` has to be a mapping, not `ok`",
    "healthcheck: {}": "`healthcheck` has to have one of `http` and `command`",
    "healthcheck: {interval: 1s}": "`healthcheck` has to have one of",
    f"healthcheck: {{http: '{URL}', command: [x]}}": "`healthcheck` has to have one of",
    "healthcheck: {command: []}": "`command` has to name a program",
    "healthcheck: {command: ['']}": "`command` has to name a program",
    "healthcheck: {http: 'ftp://x'}": "`http` has to be an http URL",
    "healthcheck: {http: 'http://x y'}": "`http` has to be an http URL",
    "healthcheck: {command: [x], retries: 0}": "`retries` has to be a number from 1 to 1000",
    "healthcheck: {command: [x], intervall: 1s}": "`healthcheck` has no key `intervall`",
    "base: alpin": "there is no base `alpin`",
    "labels: {'a b': x}": "`a b` in `labels` can't name a label",
    "labels: {a: [x]}": "`a` has to be text",
    "waive: [suid]": "there is no check `suid`",
    "platforms: [linux/arm]": "there is no platform `linux/arm`",
    "user: root": "`user` has to be two numbers above 0",
    "user: 0:0": "`user` has to be two numbers above 0",
    "user: 1000": "`user` has to be two numbers above 0",
    "user: 01:1": "`user` has to be two numbers above 0",
    "user: 4294967295:1": "`4294967295:1` is more than a user or group number",
    "writable: [data]": "`writable` has to be absolute folders",
    "writable: [/]": "`writable` has to be absolute folders",
    "writable: [/a/../b]": "`writable` has to be absolute folders",
    "writable: [/a/]": "`writable` has to be absolute folders",
    "writable: ['/a;rm -rf /']": "`writable` has to be absolute folders",
    "prot: 1": "`service` has no attribute `prot`",
}


@pytest.mark.parametrize("written", REFUSED, ids=[written[:40] for written in REFUSED])
def test_a_wrong_value_is_refused_with_its_place(written: str) -> None:
    message, _ = refusal({"cmd/api/BUILD.yaml": service(written)})
    assert message.startswith("cmd/api/BUILD.yaml:4:")
    assert REFUSED[written] in message


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("prot: 1", "did you mean `port`?"),
        ("base: alpin", "did you mean `alpine`?"),
        ("healthcheck: {command: [x], intervall: 1s}", "did you mean `interval`?"),
        ("title: true", 'write `"true"` if you mean the word'),
        ("args: serve", "write `args: [serve]`"),
        ("data: [docs/]", "write `docs/**`"),
        ("title:", "write one, or `title: null` for the rule's default"),
        ("max_size: 15M", "sizes look like `15MB`, `200kB` or `1.5GiB`; MB is 1000², MiB 1024²"),
    ],
)
def test_a_refusal_says_what_to_do(written: str, hint: str) -> None:
    assert refusal({"cmd/api/BUILD.yaml": service(written)})[1] == hint


def test_a_refusal_shows_one_short_line() -> None:
    message, _ = refusal({"cmd/api/BUILD.yaml": service(f"port: {'x' * 500}")})
    assert len(message) < 200
