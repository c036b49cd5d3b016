"""Settings, defaults and targets of BUILD.yaml files."""

import pytest

from buildsys.errors import Location
from buildsys.model.label import Label
from buildsys.model.target import Base, Bootstrap, EngineSettings, Healthcheck, Settings
from buildsys.rules.bases import BUILT_IN
from tests.unit.loading.support import ServiceRule, loaded, refusal, service, value_of

BUILT_IN_BASES = {base.name: base for base in BUILT_IN}


def settings(root: str) -> Settings:
    return loaded({"BUILD.yaml": root}).settings


def test_a_target_has_every_attribute_of_its_rule() -> None:
    target = loaded({"x/BUILD.yaml": service("port: 80")}).targets[Label("x", "api")]
    assert target.attributes["port"] == 80
    assert set(target.attributes) == {one.name for one in ServiceRule.attributes}
    assert target.attributes["title"] == "untitled"


def test_an_empty_root_file_has_all_defaults() -> None:
    assert settings("") == Settings(bases=BUILT_IN_BASES)
    assert settings("workspace:\nbases:\nengine:\nexclude:\ndefaults:\ntargets:\n") == settings("")


def test_the_root_file_says_what_holds_for_all() -> None:
    found = settings(
        "workspace: shop\nexclude: ['docs/**']\nengine: {addresses: ['tcp://b:1', 'unix:///run/x'],"
        " certificates: deploy/client, server_name: buildkitd, solves: 3}\n"
    )
    assert (found.name, found.exclude) == ("shop", ("docs/**",))
    assert found.engine == EngineSettings(
        ("tcp://b:1", "unix:///run/x"), "deploy/client", "buildkitd", 3
    )


def test_a_built_in_base_is_changed_field_by_field() -> None:
    python = BUILT_IN_BASES["python"]
    assert python.bootstrap is not None
    image = settings("bases: {python: {image: corp/python}}").bases["python"]
    assert image == Base("python", "corp/python", python.bootstrap)
    suite = settings("bases: {python: {bootstrap: {suite: forky, trim: [/a/*]}}}").bases["python"]
    assert suite.image == python.image
    assert suite.bootstrap is not None
    assert suite.bootstrap.suite == "forky"
    assert suite.bootstrap.trim == ("/a/*",)
    assert suite.bootstrap.packages == python.bootstrap.packages
    without = settings("bases: {python: {bootstrap: null}}").bases["python"]
    assert without == Base("python", python.image)


def test_a_new_base_has_an_image_and_maybe_a_bootstrap() -> None:
    bases = settings(
        "bases:\n"
        "  small: {image: 'r.example.com:5000/a/b:1'}\n"
        "  tools:\n"
        "    image: x\n"
        "    bootstrap: {packages: [a, 'b=1:2~3'], links: {/b/y: z, /b/x: ../y}, busybox: true}\n"
    ).bases
    assert bases["small"] == Base("small", "r.example.com:5000/a/b:1")
    assert bases["tools"].bootstrap == Bootstrap(
        ("a", "b=1:2~3"), links=(("/b/x", "../y"), ("/b/y", "z")), busybox=True
    )
    assert list(bases) == sorted(bases)


ROOT_REFUSED = {
    "- a": "BUILD.yaml:1:1: a BUILD.yaml has to be a mapping, not a list",
    "text": "BUILD.yaml:1:1: a BUILD.yaml has to be a mapping, not `text`",
    "base: {}": "BUILD.yaml:1:1: `BUILD.yaml` has no key `base`",
    "workspace: a b": "1:12: `workspace` has to be a name, not `a b`",
    "bases: [a]": "1:8: `bases` has to be a mapping, not a list",
    "bases: {Go: {image: x}}": "1:9: `Go` can't name a base",
    "bases: {'--x': {image: x}}": "1:9: `--x` can't name a base",
    "bases: {scratch: {image: x}}": "1:9: `scratch` is the name for no base",
    "bases: {x: y}": "1:12: `x` has to be a mapping, not `y`",
    "bases: {x: {}}": "1:12: base `x` has no `image`",
    "bases: {x: {image: 'a b'}}": '`image` has to be an image reference, not `"a b"`',
    "bases: {x: {image: '--a'}}": "`image` has to be an image reference",
    'bases: {x: {image: "a\\nRUN x"}}': "`image` has a line break",
    "bases: {x: {imag: a}}": "1:13: `x` has no key `imag`",
    "bases: {x: {image: a, bootstrap: {}}}": "`bootstrap` has no `packages`",
    "bases: {x: {image: a, bootstrap: {packages: []}}}": "`bootstrap` has no `packages`",
    "bases: {x: {image: a, bootstrap: {packages: ['a,b']}}}": "`packages` has to be names of",
    "bases: {x: {image: a, bootstrap: {packages: [-o]}}}": "`packages` has to be names of Debian",
    "bases: {python: {bootstrap: {variant: apt}}}": "`variant` has to be `minbase` or `extract`",
    "bases: {python: {bootstrap: {suite: '-x'}}}": "`suite` has to be a Debian suite",
    "bases: {python: {bootstrap: {trim: [usr]}}}": "`trim` has to be absolute paths",
    "bases: {python: {bootstrap: {trim: [/../etc]}}}": "`trim` has to be absolute paths",
    "bases: {python: {bootstrap: {trim: ['/$(id)']}}}": "`trim` has to be absolute paths",
    "bases: {python: {bootstrap: {links: {a: b}}}}": "`a` in `links` can't be the path of a link",
    "bases: {python: {bootstrap: {links: {/a: 'x;y'}}}}": "`links` has to be paths of links",
    "bases: {python: {bootstrap: {busybox: yes}}}": "`busybox` has to be `true` or `false`",
    "engine: {addresses: [here]}": "`addresses` has to be addresses of BuildKit",
    "engine: {addresses: ['http://x']}": "`addresses` has to be addresses of BuildKit",
    "engine: {addresses: ['unix:///a,unix:///b']}": "`addresses` has to be addresses of BuildKit",
    "engine: {certificates: [a]}": "`certificates` has to be text",
    "engine: {server_name: 'a b'}": "`server_name` has to be the name in a certificate",
    "engine: {solves: 0}": "`solves` has to be a number from 1 to 1000",
    "engine: {adresses: []}": "`engine` has no key `adresses`",
    "exclude: docs": "`exclude` has to be a list, not `docs`",
    "exclude: [docs/]": "`docs/` in `exclude` ends with `/`",
    "defaults: {servic: {}}": "1:12: `defaults` has no key `servic`",
    "defaults: {service: {prot: 1}}": "1:22: `service` has no attribute `prot`",
    "defaults: {all: {prot: 1}}": "1:18: no rule has an attribute `prot`",
    "defaults: {plain: {port: 1}}": "1:20: `plain` has no attribute `port`",
    "defaults: {all: {port: x}}": "1:24: `port` has to be a number",
    "defaults: {all: {port: }}": "1:23: `port` has no value",
    "defaults: {all: {healthcheck: {retries: x}}}": "`retries` has to be a number",
    "defaults: {all: [a]}": "1:17: `all` has to be a mapping",
    "targets: {a: b}": "1:10: `targets` has to be a list, not a mapping",
    "targets: [a]": "1:11: a target has to be a mapping, not `a`",
    "targets:\n  -": "2:4: a target has to be a mapping, not nothing",
    "targets: [{rule: plain}]": "1:11: a target has no `name`",
    "targets: [{name: a}]": "1:11: target `a` has no `rule`",
    "targets: [{name: a/b, rule: plain}]": "1:18: `a/b` can't name a target",
    "targets: [{name: -a, rule: plain}]": "1:18: `-a` can't name a target",
    "targets: [{name: all, rule: plain}]": "1:18: `all` stands for every target",
    "targets: [{name: true, rule: plain}]": "1:18: `name` has to be text, not `true`",
    "targets: [{name: a, rule: plan}]": "1:27: there is no rule `plan`",
    "targets: [{name: a, rule: plain, port: 1}]": "1:34: `plain` has no attribute `port`",
    "targets:\n- {name: a, rule: plain}\n- {name: a, rule: plain}": (
        "3:10: target `a` is there twice, first in line 2"
    ),
}


@pytest.mark.parametrize("root", ROOT_REFUSED)
def test_a_wrong_root_file_is_refused_with_its_place(root: str) -> None:
    message, _ = refusal({"BUILD.yaml": root})
    assert ROOT_REFUSED[root] in message


@pytest.mark.parametrize(
    ("root", "hint"),
    [
        ("base: {}", "did you mean `bases`?"),
        ("targets: [{name: a, rule: plan}]", "did you mean `plain`?"),
        ("targets: [{name: a, rule: x}]", "there is `plain`, `service`"),
        ("defaults: {servic: {}}", "did you mean `service`?"),
        ("defaults: {service: {prot: 1}}", "did you mean `port`?"),
    ],
)
def test_a_name_nothing_has_gets_a_suggestion(root: str, hint: str) -> None:
    assert refusal({"BUILD.yaml": root})[1] == hint


@pytest.mark.parametrize("key", ["workspace", "bases", "engine", "exclude", "defaults"])
def test_settings_belong_in_the_root_file(key: str) -> None:
    message, hint = refusal({"lib/BUILD.yaml": f"targets: []\n{key}: x\n"})
    assert message == f"lib/BUILD.yaml:2:1: `{key}` belongs in the root BUILD.yaml"
    assert "exclude" in hint


def test_the_schema_for_editors_is_ignored() -> None:
    files = {"BUILD.yaml": "$schema: a\nworkspace: w", "x/BUILD.yaml": "$schema: ../b\ntargets: []"}
    assert loaded(files).targets == {}


def test_a_target_knows_where_it_stands() -> None:
    target = loaded({"cmd/api/BUILD.yaml": service("port: 1")}).targets[Label("cmd/api", "api")]
    assert target.at == Location("cmd/api/BUILD.yaml", 2, 5)
    assert target.rule == "service"


def test_deps_are_labels_sorted_and_once() -> None:
    library = "targets:\n- {name: b, rule: plain}\n- {name: a, rule: plain}\n"
    files = {
        "lib/BUILD.yaml": library,
        "x/BUILD.yaml": service("deps: ['//lib:b', '//lib:a', '//lib:b']"),
    }
    target = loaded(files).targets[Label("x", "api")]
    assert target.deps == (Label("lib", "a"), Label("lib", "b"))
    assert target.attributes["deps"] == ("//lib:a", "//lib:b")


def test_a_rule_without_deps_has_none() -> None:
    target = loaded({"x/BUILD.yaml": "targets: [{name: x, rule: plain}]"}).targets[Label("x", "x")]
    assert target.deps == ()


ALL = (
    "defaults: {all: {env: {A: all, B: all}, port: 1}, service: {env: {B: rule, C: rule}, port: 2}}"
)


def test_the_nearest_default_wins_and_mappings_are_merged() -> None:
    assert value_of("env: {C: own}", "env", ALL) == (("A", "all"), ("B", "rule"), ("C", "own"))
    assert value_of("title: x", "port", ALL) == 2
    assert value_of("port: 3", "port", ALL) == 3


def test_null_goes_back_to_the_default_of_the_rule() -> None:
    assert value_of("env: null\nport: ~", "env", ALL) == ()
    assert value_of("env: null\nport: ~", "port", ALL) is None
    root = "defaults: {all: {port: 1, env: {A: b}}, service: {port: null, env: null}}"
    assert value_of("title: x", "port", root) is None
    assert value_of("env: {C: d}", "env", root) == (("C", "d"),)


def test_a_default_for_all_is_given_to_rules_that_know_it() -> None:
    files = {"BUILD.yaml": ALL, "x/BUILD.yaml": "targets: [{name: x, rule: plain}]"}
    assert loaded(files).targets[Label("x", "x")].attributes == {"title": ""}


def test_default_timings_are_no_health_check_but_become_part_of_one() -> None:
    root = "defaults: {all: {healthcheck: {interval: 9s}}}"
    assert value_of("port: 1", "healthcheck", root) is None
    own = value_of("healthcheck: {command: [x]}", "healthcheck", root)
    assert own == Healthcheck(command=("x",), interval="9s")


def test_a_target_asks_in_its_own_way() -> None:
    root = "defaults: {all: {healthcheck: {http: 'http://x', interval: 9s}}}"
    assert value_of("port: 1", "healthcheck", root) == Healthcheck(http="http://x", interval="9s")
    own = value_of("healthcheck: {command: [x]}", "healthcheck", root)
    assert own == Healthcheck(command=("x",), interval="9s")
    assert value_of("healthcheck: null", "healthcheck", root) is None


def test_labels_in_defaults_are_relative_to_the_package_of_the_target() -> None:
    library = "targets:\n- {name: a, rule: plain}\n- {name: s, rule: service}\n"
    root = "defaults: {service: {deps: [':a']}}\ntargets: [{name: a, rule: plain}]"
    targets = loaded({"BUILD.yaml": root, "lib/BUILD.yaml": library}).targets
    assert targets[Label("lib", "s")].deps == (Label("lib", "a"),)
