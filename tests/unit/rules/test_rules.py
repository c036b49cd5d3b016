"""What attributes and sources make of a Dockerfile; whole ones are in tests/golden."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildsys.errors import BuildFileError, BuildsysError
from buildsys.loading.workspace import load
from buildsys.model.action import Action, Role, TargetActions
from buildsys.model.dockerfile import render
from buildsys.model.label import Label
from buildsys.model.target import AttributeValue, Healthcheck
from buildsys.rules.image import CONSTANT_TIMES, COPY_OUTPUT
from buildsys.rules.registry import GO, RULES
from tests.fake_tree import DictTree
from tests.targets import (
    GO_SOURCES,
    PLATFORM,
    PYTHON_SOURCES,
    RUST_SOURCES,
    go,
    make_target,
    python,
    rust,
)
from tests.unit.model.test_dockerfile import NASTY, instructions

MAKERS: dict[str, Callable[..., TargetActions]] = {"go": go, "python": python, "rust": rust}


def image_lines(target: TargetActions) -> list[str]:
    return list(target.actions[-1].stages[-1].instructions)


def text_of(action: Action) -> str:
    return render(action.stages)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
@pytest.mark.parametrize(
    ("attributes", "line"),
    [
        ({"port": 8081}, "EXPOSE 8081"),
        ({"port": 8081}, 'ENV PORT="8081"'),
        ({"port": 8081, "env": (("PORT", "1"),)}, 'ENV PORT="1"'),
        ({"env": (("A", "b c"),)}, 'ENV A="b c"'),
        ({"user": "7:8"}, "USER 7:8"),
        ({"args": ("serve", "$X")}, 'CMD ["serve", "$X"]'),
        (
            {"healthcheck": Healthcheck(http="http://localhost:1/h", interval="9s")},
            (
                "HEALTHCHECK --interval=9s --timeout=3s --start-period=5s --retries=3"
                ' CMD ["wget", "-q", "-O", "/dev/null", "http://localhost:1/h"]'
            ),
        ),
        (
            {"healthcheck": Healthcheck(command=("ok", "--now"), retries=9)},
            (
                "HEALTHCHECK --interval=30s --timeout=3s --start-period=5s --retries=9"
                ' CMD ["ok", "--now"]'
            ),
        ),
    ],
)
def test_an_attribute_is_a_line_of_the_image_in_every_rule(
    make: Callable[..., TargetActions], attributes: dict[str, AttributeValue], line: str
) -> None:
    assert line in image_lines(make(**attributes))


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
def test_what_is_not_asked_for_is_not_there(make: Callable[..., TargetActions]) -> None:
    text = "\n".join(image_lines(make()))
    assert not any(name in text for name in ("EXPOSE", "HEALTHCHECK", "CMD", "ENV PORT"))
    assert "USER 1000:1000" in text


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
def test_writable_folders_and_the_user_are_of_the_runtime_and_not_of_the_image(
    make: Callable[..., TargetActions],
) -> None:
    target = make(writable=("/data",), user="7:8")
    assert "mkdir -p /out/runtime/data && chown 7:8 /out/runtime/data" in text_of(
        target.action("runtime")
    )
    assert "/data" not in text_of(target.actions[-1])


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
def test_only_the_last_action_makes_code_and_the_image(make: Callable[..., TargetActions]) -> None:
    target = make(max_size=5)
    assert [action.role for action in target.actions[:-1]] == [Role.DEPENDENCY] * (
        len(target.actions) - 1
    )
    assert (target.actions[-1].role, target.max_size) == (Role.CODE, 5)
    build, image = target.actions[-1].stages[-2:]
    assert any(line.endswith(CONSTANT_TIMES) for line in build.instructions[-1].splitlines())
    assert COPY_OUTPUT in image.instructions


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
def test_every_context_that_a_dockerfile_names_is_given(make: Callable[..., TargetActions]) -> None:
    for action in make().actions:
        given_ = {
            *(stage.name for stage in action.stages),
            *(source.context for source in action.sources),
            *action.bases,
            *action.layers,
        }
        text = text_of(action)
        words = text.replace(",", " ").split()
        named = {word.removeprefix("--from=") for word in words if word.startswith("--from=")}
        named |= {word.removeprefix("from=") for word in words if word.startswith("from=")}
        named |= {line.split()[1] for line in text.splitlines() if line.startswith("FROM ")}
        assert named <= given_
        # And none is given that isn't named: it would be in the key for nothing.
        assert {*action.bases, *action.layers} <= named


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
def test_each_action_stands_behind_those_it_needs(make: Callable[..., TargetActions]) -> None:
    seen: set[str] = set()
    for action in make().actions:
        assert {*action.layers, *(action.stand_ins or {}).values()} <= seen
        seen.add(action.layer)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
def test_code_is_built_without_a_network(make: Callable[..., TargetActions]) -> None:
    runs = [line for s in make().actions[-1].stages for line in s.instructions if "RUN" in line[:4]]
    assert runs
    assert all("--network=none" in line for line in runs)


def test_go_builds_the_named_binary() -> None:
    image = text_of(go(binary="server").actions[-1])
    assert "/server ." in image
    assert 'ENTRYPOINT ["/usr/local/bin/server"]' in image


def test_go_packages_and_code_have_the_same_flags() -> None:
    flags = "go build -buildvcs=false -trimpath -tags netgo "
    target = go()
    assert flags in text_of(target.action("packages"))
    assert flags + "-ldflags" in text_of(target.action("image"))


def test_go_downloads_nothing_where_modules_are_vendored() -> None:
    target = go(replace(GO_SOURCES, vendored=("vendor/modules.txt",)))
    assert "download" not in text_of(target.action("modules"))
    assert "vendor/modules.txt" in target.action("modules").sources[0].files


def test_go_packages_are_an_accelerator_that_modules_stand_in_for() -> None:
    target = go()
    assert [action.layer for action in target.actions if action.accelerator] == ["packages"]
    assert target.action("image").stand_in("packages") == "modules"


def test_python_without_requirements_has_no_layer_for_them() -> None:
    target = python(replace(PYTHON_SOURCES, requirements=()))
    assert [action.layer for action in target.actions] == ["runtime", "image"]
    assert 'ENTRYPOINT ["python3", "-m", "agent"]' in image_lines(target)


def test_python_needs_a_module() -> None:
    with pytest.raises(BuildFileError, match="has no `module`"):
        python(module="")


def test_rust_dependencies_know_sources_by_name_only() -> None:
    (recipe,) = rust().action("cook").sources
    assert recipe.names_only == RUST_SOURCES.target_paths
    assert not set(recipe.files) & set(RUST_SOURCES.target_paths)


@pytest.mark.parametrize(
    "make",
    [
        lambda: go(binary="a b"),
        lambda: go(binary="a;rm"),
        lambda: rust(binary="$(x)"),
        lambda: go(writable=("/a b",)),
        lambda: go(writable=("/a/../etc",)),
        lambda: go(writable=("relative",)),
        lambda: go(replace(GO_SOURCES, external=("a b",))),
        lambda: go(replace(GO_SOURCES, external=("x;curl",))),
        lambda: go(replace(GO_SOURCES, package="cmd/a b")),
        lambda: go(replace(GO_SOURCES, module="a\nRUN x")),
        lambda: python(replace(PYTHON_SOURCES, requirements=(("a b/requirements.txt", ""),))),
        lambda: rust(replace(RUST_SOURCES, crate="a`b`")),
    ],
)
def test_what_a_shell_would_take_apart_is_refused(make: Callable[[], TargetActions]) -> None:
    with pytest.raises(BuildFileError):
        make()


def test_every_attribute_has_words_and_an_example() -> None:
    for rule in RULES.values():
        names = [attribute.name for attribute in rule.attributes]
        assert len(set(names)) == len(names)
        assert all(attribute.doc.endswith(".") for attribute in rule.attributes)
        assert all(attribute.example for attribute in rule.attributes)


PLAIN = 'port: 1\n    env: {A: "x"}\n    args: ["x"]\n    healthcheck: {http: "x"}'
strings = st.lists(st.one_of(st.sampled_from(NASTY), st.text(max_size=3)), max_size=5).map("".join)
FIELDS = {
    "env": lambda text: f"env: {{A: {text}}}",
    "args": lambda text: f"args: [{text}]",
    "binary": lambda text: f"binary: {text}",
    "user": lambda text: f"user: {text}",
    "writable": lambda text: f"writable: [{text}]",
    "http": lambda text: f"healthcheck: {{http: {text}}}",
    "command": lambda text: f"healthcheck: {{command: [{text}]}}",
    "interval": lambda text: f"healthcheck: {{http: 'http://x', interval: {text}}}",
    "base": lambda text: f"base: {text}",
}
USUAL = {"env": "x", "args": "x", "binary": "x", "user": "1:1", "writable": "/x", "http": "http://x",
         "command": "x", "interval": "5s", "base": "alpine"}  # fmt: skip


def quoted(text: str) -> str:
    """As YAML's double quotes carry any text."""
    escaped = "".join(f"\\U{ord(character):08x}" for character in text)
    return f'"{escaped}"'


def dockerfile_of(line: str) -> str:
    build_file = f"targets:\n  - name: api\n    rule: go_image\n    {line}\n"
    tree = DictTree({"BUILD.yaml": "workspace: w\n", "cmd/api/BUILD.yaml": build_file})
    target = load(tree, RULES).targets[Label("cmd/api", "api")]
    actions = GO.actions(target, GO_SOURCES, PLATFORM).actions
    return "\n".join(map(text_of, actions))


@settings(max_examples=120)
@given(st.sampled_from(sorted(FIELDS)), strings)
def test_no_text_in_a_build_file_makes_another_instruction(field: str, text: str) -> None:
    usual = instructions(dockerfile_of(FIELDS[field](USUAL[field])))
    try:
        found = dockerfile_of(FIELDS[field](quoted(text)))
    except BuildsysError:
        return
    assert [line.split()[0] for line in instructions(found)] == [line.split()[0] for line in usual]
    assert not any(mark in found for mark in ("\u2028", "\u2029", "\x85", "\r", "\x00"))


def test_a_made_target_has_the_defaults_of_its_rule() -> None:
    assert make_target("go_image", "//cmd/api").text("user") == "1000:1000"


@pytest.mark.parametrize("make", [go, rust], ids=["go", "rust"])
def test_without_a_base_the_image_is_the_account_and_the_binary(
    make: Callable[..., TargetActions],
) -> None:
    runtime = make(base="scratch").action("runtime")
    assert runtime.bases == make().action("runtime").bases[:1]
    assert "FROM scratch AS runtime" in text_of(runtime)
    assert "from=scratch" not in text_of(runtime)
    assert "mkdir -m 1777 /out/runtime/tmp" in text_of(runtime)


@pytest.mark.parametrize("make", [go, rust], ids=["go", "rust"])
def test_without_a_base_nothing_asks_by_http(make: Callable[..., TargetActions]) -> None:
    check = Healthcheck(http="http://localhost:1/h")
    with pytest.raises(BuildFileError, match="no base with a program that asks") as refused:
        make(base="scratch", healthcheck=check)
    assert refused.value.hint
