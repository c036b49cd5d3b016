"""`docker_image` on the real things: Node, C, undeclared files, images that aren't reproducible."""

import json
import shutil
import tarfile
import urllib.request
import uuid
from pathlib import Path

import pytest

from tests.integration.conftest import free_port
from tests.integration.real import REPOSITORY, Checkout, config_of_layout, files_of_layout
from tests.integration.test_eject import buildctl, command_in_comment

EXAMPLES = REPOSITORY / "examples"
NODE = "services/greeter"
C = "services/counter"


def example(name: str, into: Path) -> Checkout:
    shutil.copytree(EXAMPLES / name, into, ignore=shutil.ignore_patterns(".bs", "node_modules"))
    return Checkout(into)


@pytest.fixture
def node(tmp_path: Path) -> Checkout:
    return example("node", tmp_path / "node")


@pytest.fixture
def c(tmp_path: Path) -> Checkout:
    return example("c", tmp_path / "c")


def made(checkout: Checkout) -> list[str]:
    """The layers that a build made by solves."""
    report = checkout.build("all")
    layers = [layer for target in report["targets"] for layer in target["layers"]]
    found = [layer["name"] for layer in layers if layer["outcome"] == "built"]
    assert report["engine"]["solves"] == len(found)
    return found


def answer(checkout: Checkout, build_file: str, port: int, path: str) -> object:
    """What the service says, run by `bs up` on a port that is free."""
    free = free_port()
    checkout.edit(build_file, f"port: {port}", f"port: {port}\n    run_port: {free}")
    up = checkout.bs("up", "-d")
    assert up.code == 0, up.err
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{free}{path}") as found:
            return json.load(found)
    finally:
        assert checkout.bs("down").code == 0


def test_a_node_service_has_two_keys(node: Checkout) -> None:
    node.build("all")
    assert made(node) == []
    new = uuid.uuid4().hex
    node.edit(f"{NODE}/src/greeting.js", "Hello", f"Hello {new}")
    (target,) = node.bs("status", "--json").json["targets"]
    assert [layer["state"] for layer in target["layers"]] == ["fresh", "stale"]
    assert target["layers"][1]["reasons"] == [
        {"code": "file_changed", "path": f"{NODE}/src/greeting.js"}
    ]
    ran = node.bs("build", "all")
    assert ran.code == 0, ran.err
    assert "start   image" in ran.err
    assert "start   deps" not in ran.err, "npm doesn't run for a change of code"
    node.edit(f"{NODE}/package.json", '"1.0.0"', f'"1.0.{int(new[:6], 16)}"')
    assert made(node) == ["deps", "image"]
    node.edit(f"{NODE}/src/greeting.test.js", "world", new)
    assert made(node) == [], "what .dockerignore leaves out is no input"
    assert answer(node, f"{NODE}/BUILD.yaml", 8090, "/greet?name=Ada") == {
        "greeting": f"Hello {new}, Ada!"
    }


def test_a_c_service_compiles_its_libraries_once(c: Checkout) -> None:
    c.build("all")
    new = uuid.uuid4().hex
    c.edit(f"{C}/src/main.c", "/* Counts", f"/* {new} Counts")
    assert made(c) == ["image"]
    c.edit(f"{C}/third_party/jsonout/jsonout.h", "/* Writes", f"/* {new} Writes")
    assert made(c) == ["third-party", "image"]
    assert answer(c, f"{C}/BUILD.yaml", 8091, "/") == {"count": 2}, "the health check came first"


@pytest.mark.parametrize("name", ["node", "c"])
def test_the_examples_are_as_images_should_be(name: str, tmp_path: Path) -> None:
    ran = example(name, tmp_path / name).bs("verify", "all", "--json")
    assert ran.code == 0, ran.out + ran.err


def made_up(folder: Path, dockerfile: str, stages: str = "{}", **files: str) -> Checkout:
    contents = {
        "BUILD.yaml": f"workspace: w\ntargets: [{{name: w, rule: docker_image, stages: {stages}}}]\n",
        "Dockerfile": dockerfile,
        **files,
    }
    for name, text in contents.items():
        (folder / name).write_text(text)
    return Checkout(folder)


def test_undeclared_files_can_not_be_read(tmp_path: Path) -> None:
    text = "FROM alpine AS deps\nCOPY . /in\nRUN ls /in > /list\nFROM alpine\nCOPY --from=deps /list /list\n"
    checkout = made_up(tmp_path, text, "{deps: [one]}", one="1", two="2")
    checkout.build("all")
    _, _, content = checkout.image_files("//:w")["list"]
    assert content == b"one\n"


def test_a_variable_leads_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("secret")
    (tmp_path / "inside").mkdir()
    text = "FROM alpine\nARG UP=..\nCOPY ${UP}/outside /x\n"
    checkout = made_up(tmp_path / "inside", text, "{stage-0: []}", other="1")
    ran = checkout.bs("build", "all")
    assert ran.code == 1
    assert "lstat /outside: no such file" in ran.err, "and no registry is asked for it"


@pytest.mark.parametrize(
    ("dockerfile", "stages", "said"),
    [
        ("FROM alpine\nCOPY ../x /\n", "{}", "Dockerfile:2:6: `../x` leaves the package"),
        ("FROM alpine\n", "{deps: [one]}", "has no such stage"),
        ("FROM debian\n", "{}", "Dockerfile:1:6: `debian` is neither a stage above nor a base"),
    ],
)
def test_bad_dockerfiles_are_exit_2(
    tmp_path: Path, dockerfile: str, stages: str, said: str
) -> None:
    ran = made_up(tmp_path, dockerfile, stages, one="1").bs("build", "all")
    assert ran.code == 2
    assert said in ran.err
    assert "Traceback" not in ran.err


def test_a_build_that_depends_on_the_time_is_not_reproducible(tmp_path: Path) -> None:
    checkout = made_up(tmp_path, "FROM alpine\nRUN date +%s%N > /stamp\nUSER 1:1\n")
    ran = checkout.bs("verify", "all", "--rebuild", "--no-run")
    assert ran.code == 3
    assert "reproducible: /stamp has another content" in ran.out


RICH = """# no syntax line: plain BuildKit would ask a registry for it
ARG BASE=alpine
ARG GREETING=hello

FROM $BASE AS unused
RUN false

FROM ${BASE} AS deps
ARG GREETING
ARG OVER="from ARG" KEPT='a "quoted" one'
ENV OVER=from-ENV
WORKDIR /deps
COPY --chmod=640 lock.txt ./
# A comment between the lines
RUN --mount=type=bind,source=lock.txt,target=/in/lock.txt \\
    # and one inside
    --mount=type=cache,target=/cache \\
    cat /in/lock.txt > copied && touch /cache/x

FROM deps AS build
COPY [ "src/with blank.txt", "src/*.sh", "/build/" ]
RUN <<EOF
echo "$GREETING $OVER $KEPT" > /build/said
FROM=nowhere
EOF
COPY <<-'END' /build/here
	kept: $GREETING
	END

FROM alpine
SHELL ["/bin/sh", "-eu", "-c"]
COPY --from=build /build /app
COPY --from=deps /deps/copied /deps/lock.txt /app/
COPY src src
ENV A=1 B="two \\
words"
LABEL one="1" \\
      two="2"
VOLUME /data
STOPSIGNAL SIGINT
EXPOSE 80/tcp
HEALTHCHECK --interval=5s CMD test -e /app/said
USER 1000:1000
WORKDIR /app
ENTRYPOINT ["/bin/sh", "-c"]
CMD ["cat said"]
"""


@pytest.mark.parametrize("ejected", [False, True])
@pytest.mark.parametrize(
    "stages", ["{}", "{deps: [lock.txt]}", "{deps: [lock.txt], build: [src/**]}"]
)
def test_the_image_is_what_buildkit_makes_of_the_same_file(
    tmp_path: Path, stages: str, *, ejected: bool
) -> None:
    root = tmp_path / "root"
    (root / "src").mkdir(parents=True)
    for name in ("with blank.txt", "a.sh", "b.sh"):
        (root / "src" / name).write_text(name)
    checkout = made_up(root, RICH, stages, **{"lock.txt": "1", ".dockerignore": "*.yaml\n.bs\n"})
    checkout.build("all")
    printed = checkout.bs("dockerfile", "//:w").out
    folder = root
    if ejected:
        folder = tmp_path / "ejected"
        folder.mkdir()
        (folder / "Dockerfile").write_text(printed)
        (root / ".dockerignore").unlink()
    command = command_in_comment(printed, str(folder), str(tmp_path / "image.tar"))
    ran = buildctl(checkout, *command[1:])
    assert ran.code == 0, ran.err
    layout = tmp_path / "layout"
    with tarfile.open(tmp_path / "image.tar") as tar:
        tar.extractall(layout, filter="data")
    assert files_of_layout(layout) == checkout.image_files("//:w")
    assert config_of_layout(layout)["config"] == checkout.image_config("//:w")["config"]
