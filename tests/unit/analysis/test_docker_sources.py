"""Dockerfiles of the user's own: stages with declared files become layers; what no key covers is refused."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildsys.analysis.analyze import Analysis
from buildsys.analysis.docker_file import DockerFileReader, instructions
from buildsys.analysis.docker_ignore import DockerIgnoreReader, ignored
from buildsys.errors import BuildFileError
from buildsys.images.eject import dockerfile
from buildsys.loading.workspace import load
from buildsys.model.action import Action, Role, TargetActions
from buildsys.model.dockerfile import render
from buildsys.rules.registry import RULES
from tests.fake_tree import DictTree
from tests.targets import PLATFORM

ROOT = """workspace: w
bases:
  node: {image: "docker.io/library/node:22"}
  slim: {image: "docker.io/library/node:22-slim"}
"""
DOCKERFILE = """# syntax=docker/dockerfile:1
FROM node AS deps
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci

FROM slim
COPY --from=deps /app/node_modules /app/node_modules
COPY . /app
USER 1000:1000
"""
FILES = {
    "BUILD.yaml": ROOT,
    "app/package.json": "{}",
    "app/package-lock.json": "{}",
    "app/src/main.js": "",
    "app/README.md": "",
    "app/.dockerignore": "*.md\n",
}
DEPS = "stages: {deps: [package.json, package-lock.json]}"


def analysed(
    text: str = DOCKERFILE, attributes: str = DEPS, files: Mapping[str, str] | None = None
) -> TargetActions:
    tree = DictTree(
        {
            **FILES,
            "app/Dockerfile": text,
            "app/BUILD.yaml": f"targets:\n  - name: app\n    rule: docker_image\n    {attributes}\n",
            **(files or {}),
        }
    )
    workspace = load(tree, RULES)
    analysis = Analysis(workspace.targets, tree, PLATFORM, (), workspace.settings.bases)
    (found,) = analysis.actions(workspace.targets)
    return found


def refused(text: str = DOCKERFILE, attributes: str = DEPS, **files: str) -> str:
    with pytest.raises(BuildFileError) as caught:
        analysed(text, attributes, {name.replace("__", "/"): body for name, body in files.items()})
    assert caught.value.hint
    return str(caught.value)


def text_of(action: Action) -> str:
    return render(action.stages)


def sealed(action: Action) -> set[str]:
    return {path for source in action.sources for path in source.files}


def test_stages_with_declared_files_are_layers_and_the_last_one_is_the_image() -> None:
    deps, image = analysed().actions
    assert (deps.layer, deps.role, deps.bases) == ("deps", Role.DEPENDENCY, ("node",))
    assert sealed(deps) == {"app/package.json", "app/package-lock.json"}
    assert (image.layer, image.role, image.bases) == ("image", Role.CODE, ("slim",))
    assert image.layers == ("deps",)
    assert sealed(image) == {"app/package.json", "app/package-lock.json", "app/src/main.js"}
    assert "npm ci" in text_of(deps)
    assert "npm ci" not in text_of(image), "the stored layer stands for its stage"


def test_without_declared_stages_there_is_one_layer() -> None:
    (image,) = analysed(attributes="port: 80").actions
    assert image.bases == ("node", "slim")
    assert "npm ci" in text_of(image)


def test_instructions_stay_as_they_are_but_for_where_files_come_from() -> None:
    deps, _ = analysed().actions
    assert "COPY --from=deps-inputs package.json package-lock.json ./" in text_of(deps)
    assert "WORKDIR /app\n" in text_of(deps)


def test_the_image_may_be_another_stage_than_the_last() -> None:
    text = f"{DOCKERFILE}\nFROM node AS lint\nRUN npm test\n"
    image = analysed(
        text.replace("FROM slim", "FROM slim AS app"), f"{DEPS}\n    target: app"
    ).actions[-1]
    assert "npm test" not in text_of(image)


def test_images_of_registries_are_known_by_their_bases() -> None:
    text = "FROM node:22-slim\nCOPY . /\n"
    assert analysed(text, "port: 80").actions[0].bases == ("slim",)


def test_arguments_have_the_values_that_are_given() -> None:
    text = "ARG BASE=node\nARG MODE=a\nFROM ${BASE}\nARG MODE\nARG OTHER=1\nRUN echo $MODE\n"
    (image,) = analysed(text, "build_args: {BASE: slim, OTHER: 'x y'}").actions
    assert image.bases == ("slim",)
    assert 'ARG MODE="a"' in text_of(image)
    assert 'ARG OTHER="x y"' in text_of(image)


def test_what_a_variable_leads_to_is_among_the_declared_files_or_nowhere() -> None:
    text = "FROM node\nARG FROM=..\nCOPY $FROM/x /\n"
    (image,) = analysed(text, "stages: {stage-0: []}").actions
    assert sealed(image) == set()
    assert "FROM scratch AS stage-0-inputs\n" in text_of(image)
    assert "COPY --from=stage-0-inputs $FROM/x /" in text_of(image)


def test_heredocs_are_kept_whole() -> None:
    text = "FROM node\nRUN <<EOF\nFROM nowhere\nCOPY ../x /\nEOF\nCOPY <<-TWO /etc/motd\n\thello\n\tTWO\n"
    (image,) = analysed(text, "port: 80").actions
    assert "RUN <<EOF\nFROM nowhere\nCOPY ../x /\nEOF\n" in text_of(image)
    assert "COPY <<-TWO /etc/motd\n\thello\n\tTWO\n" in text_of(image)


def test_bind_mounts_take_declared_files_and_caches_are_empty() -> None:
    text = (
        "FROM node\nRUN --mount=type=bind,source=package.json,target=/p.json"
        " --mount=type=cache,target=/root/.npm npm ci\n"
    )
    (image,) = analysed(text, "port: 80").actions
    assert "--mount=from=" in text_of(image)
    assert "type=tmpfs,target=/root/.npm" in text_of(image)


def test_the_ejected_file_is_complete() -> None:
    text = dockerfile(analysed(), {"node": "node@sha256:1", "slim": "slim@sha256:2"}, "/store")
    assert "FROM node@sha256:1 AS node" in text
    assert 'COPY ["app/package-lock.json", "app/package.json", "app/"]' in text


REFUSED = {
    "unknown base": ("FROM debian:12\n", "port: 80", "`debian:12` is neither a stage above nor a base"),
    "unknown stage": (DOCKERFILE, "stages: {dep: [package.json]}", "`stages` names `dep`"),
    "unknown target": (DOCKERFILE, "target: nothing", "`target` names `nothing`"),
    "later stage": (
        "FROM node\nCOPY --from=b / /\nFROM node AS b\n",
        "target: '0'",
        "`b` is neither a stage above",
    ),
    "escaping": ("FROM node\nCOPY ../secret /\n", "port: 80", "app/Dockerfile:2:6: `../secret` leaves"),
    "escaping deep": ("FROM node\nCOPY a/../../x /\n", "port: 80", "leaves the package"),
    "escaping mount": (
        "FROM node\nRUN --mount=type=bind,source=../x,target=/x ls\n",
        "port: 80",
        "leaves the package",
    ),
    "undeclared": (
        DOCKERFILE.replace("package-lock.json ./", "src ./"),
        DEPS,
        "app/Dockerfile:4:19: `src` isn't among the files of stage `deps`",
    ),
    "ignored": ("FROM node\nCOPY README.md /\n", "port: 80", "`README.md` isn't among the files"),
    "missing input": (DOCKERFILE, "stages: {deps: [yarn.lock]}", "no file of the package is `yarn.lock`"),
    "onbuild": ("FROM node\nONBUILD RUN x\n", "port: 80", "app/Dockerfile:2:1: ONBUILD"),
    "frontend": ("# syntax=evil/frontend\nFROM node\n", "port: 80", "is another frontend"),
    "escape": ("# escape=`\nFROM node\n", "port: 80", "`escape=`` isn't supported"),
    "no FROM": ("RUN x\n", "port: 80", "RUN stands before the first FROM"),
    "empty": ("\n# nothing\n", "port: 80", "a Dockerfile without FROM"),
    "nonsense": ("FROM node\nCOPPY a b\n", "port: 80", "there is no instruction `COPPY`"),
    "open quote": ("FROM node\nRUN it's <<E\nFROM x\nE\n", "port: 80", "Dockerfile:2:1: a line with a heredoc"),
    "nameless heredoc": ("FROM node\nRUN << <<EOF\nFROM x\nEOF\n", "port: 80", "a line with a heredoc"),
    "open flag": ("FROM node\nRUN --mount='x y\n", "port: 80", "app/Dockerfile:2:1: a flag has an open quote"),
    "backslash": ("FROM node\nRUN x \\\n", "port: 80", "app/Dockerfile:2:1: the file ends with a backslash"),
    "other space": ("FROM node\nRUN\u00a0x\n", "port: 80", "there is a character U+00A0"),
    "open heredoc": ("FROM node\nRUN <<EOF\nx\n", "port: 80", "a heredoc has no end"),
    "url": ("FROM node\nADD https://x/y.tgz /\n", "port: 80", "may give something else tomorrow"),
    "add": ("FROM node\nADD src /\n", "port: 80", "ADD of files"),
    "privileged": ("FROM node\nRUN --security=insecure x\n", "port: 80", "needs rights"),
    "host network": ("FROM node\nRUN --network=host x\n", "port: 80", "needs rights"),
    "ssh": ("FROM node\nRUN --mount=type=ssh x\n", "port: 80", "a mount of type `ssh`"),
    "secret": ("FROM node\nRUN --mount=type=secret,id=token x\n", "port: 80", "no secret `token`"),
    "stage twice": ("FROM node AS a\nFROM node AS a\n", "port: 80", "stage `a` is there twice"),
    "other platform": ("FROM --platform=linux/s390x node\n", "port: 80", "isn't the platform"),
    "unknown argument": ("FROM node\n", "build_args: {X: y}", "has no argument `X`"),
    "no file": ("FROM node\n", "dockerfile: other", "there is no file `other`"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "attributes", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_what_no_key_covers_is_refused_where_it_stands(
    text: str, attributes: str, said: str
) -> None:
    assert said in refused(text, attributes)


def test_a_declared_stage_that_nothing_uses_is_refused() -> None:
    text = "FROM node AS deps\nCOPY package.json /\nFROM slim\nCOPY src /\n"
    assert "takes nothing from it" in refused(text, "stages: {deps: [package.json]}")


def test_files_of_a_package_further_down_are_not_there() -> None:
    other = "targets: [{name: b, rule: docker_image, stages: {}}]\n"
    inside = {"app/b/BUILD.yaml": other, "app/b/Dockerfile": "FROM node\n", "app/b/x": ""}
    tree = {**FILES, "app/Dockerfile": "FROM node\nCOPY . /\n", **inside}
    tree["app/BUILD.yaml"] = "targets: [{name: app, rule: docker_image}]\n"
    workspace = load(DictTree(tree), RULES)
    analysis = Analysis(workspace.targets, DictTree(tree), PLATFORM, (), workspace.settings.bases)
    (found,) = (a for a in analysis.actions(workspace.targets) if a.label.package == "app")
    assert "app/b/x" not in sealed(found.actions[-1])


@pytest.mark.parametrize(
    ("patterns", "path", "out"),
    [
        ("*.md", "a.md", True),
        ("*.md", "docs/a.md", False),
        ("**/*.md", "docs/a.md", True),
        ("docs", "docs/deep/a", True),
        ("/docs/", "docs/a", True),
        ("*\n!keep", "keep/a", False),
        ("!keep\n*", "keep", True),
        ("# comment\n\n?.txt", "a.txt", True),
        ("[a-c].txt", "b.txt", True),
        ("[^a].txt", "a.txt", False),
        ("a\\*b", "a*b", True),
        ("**", "x/y", True),
    ],
)
def test_ignore_patterns_are_those_of_docker(patterns: str, path: str, out: bool) -> None:  # noqa: FBT001
    assert ignored(DockerIgnoreReader().read(patterns))(path) is out


@given(st.text())
def test_any_text_is_read_and_its_instructions_are_lines_of_it(text: str) -> None:
    facts = DockerFileReader().read(text)
    lines = text.removeprefix("\ufeff").split("\n")
    for instruction in instructions(facts):
        for number, line in instruction.lines:
            assert lines[number - 1].startswith(line.rstrip("\\ \t")) or line in lines[number - 1]


@given(
    st.lists(
        st.sampled_from(
            [
                "RUN a \\\n  # why\n  && b", 'COPY ["a b", "/x/"]', "ENV A=1 B='x y'", "RUN <<E\nFROM x\nE",
                'CMD ["a", "$B"]', "WORKDIR /x", "RUN echo \\\\", 'LABEL a="b\\"c"',
            ]
        )
    )
)  # fmt: skip
def test_what_is_written_reads_as_the_same_instructions(body: list[str]) -> None:
    def kept(text: str) -> list[tuple[str, str, str]]:
        read = instructions(DockerFileReader().read(text))
        return [(one.keyword, one.rest, one.heredocs) for one in read]

    text = "\n".join(["FROM node", *body]) + "\n"
    again = "\n".join(one.text for one in instructions(DockerFileReader().read(text))) + "\n"
    assert kept(again) == kept(text)
