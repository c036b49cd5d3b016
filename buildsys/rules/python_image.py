"""`python_image`: sources, byte-compiled, on the runtime base with the requirements installed."""

from dataclasses import replace

from buildsys.errors import BuildFileError
from buildsys.model.action import Action, Role, SourceInput, TargetActions
from buildsys.model.dockerfile import Stage, env, run
from buildsys.model.sources import PythonSources, TestSources
from buildsys.model.target import Target
from buildsys.rules import bases
from buildsys.rules.attributes import IMAGE_ATTRIBUTES, Attribute, Kind
from buildsys.rules.image import (
    CA_MOUNT,
    CONSTANT_TIMES,
    COPY_OUTPUT,
    IMAGE_LAYER,
    OUTPUT,
    RUNTIME_LAYER,
    code_action,
    image_instructions,
    runtime_action,
    source_folder,
    with_derived,
)
from buildsys.rules.tests import Form, action_of_tests, step_of_tests

# What `compileall --invalidation-mode unchecked-hash` makes, in a fifth of the time: where a base has no
# byte-compiled library, Python compiles what it imports in each new container, and this imports only what is
# part of Python's program. (Time stamps don't survive in layers: the default .pyc files are compiled again at
# every start, in vain, as the user can't write them.) The paths that tracebacks show are those in the image.
_BYTE_COMPILE = f"""\
import marshal, os, sys
from importlib.util import MAGIC_NUMBER, cache_from_source, source_hash

def compiled(path):
    with open(path, "rb") as file:
        source = file.read()
    try:
        code = compile(source, path[len("{OUTPUT}"):], "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        sys.excepthook(type(error), error, None)
        return False
    cached = cache_from_source(path)
    os.makedirs(os.path.dirname(cached), exist_ok=True)
    with open(cached, "wb") as file:
        file.write(MAGIC_NUMBER + b"\\1\\0\\0\\0" + source_hash(source) + marshal.dumps(code))
    return True

paths = [os.path.join(top, name) for top, _, names in os.walk("{OUTPUT}") for name in names]
sources = [path for path in sorted(paths) if path.endswith(".py") and os.path.isfile(path)]
"""
BYTE_COMPILE_SOURCES = f"{_BYTE_COMPILE}sys.exit(not all([compiled(path) for path in sources]))\n"
_BYTE_COMPILE_PACKAGES = f"""\
{_BYTE_COMPILE}
sys.excepthook = lambda *_: None
for path in sources:
    compiled(path)
"""
"""Some packages bring files of other versions of Python, which nobody imports; pip passes over them as well."""
_COMPILERS = (
    "if command -v apk > /dev/null; then apk add --no-cache gcc musl-dev libffi-dev openssl-dev; "
    "elif ! command -v gcc > /dev/null; then apt-get update && apt-get install -y "
    "--no-install-recommends gcc libc6-dev libffi-dev libssl-dev; fi"
)
_VENV = "/opt/venv"
_INSTALL = (
    f"python3 -m pip --python {_VENV}/bin/python install --no-cache-dir --no-compile"
    " --disable-pip-version-check --root-user-action=ignore"
)
PYTEST = "pytest==9.0.2"
"""For tests of a package whose requirements bring none."""


class PythonImage:
    """Requirements and sources, each a layer of its own; compilers only where wheels are built."""

    name = "python_image"
    version = 1
    static = False
    doc = "An image that runs a Python module of the target's folder."
    attributes: tuple[Attribute, ...] = (
        *IMAGE_ATTRIBUTES,
        Attribute(
            "module", Kind.TEXT, "Module to run, as `python -m` takes it.", "", "agent_runner"
        ),
        Attribute(
            "builder", Kind.BASE, "Base that builds wheels.", bases.PYTHON_BUILD, bases.PYTHON_BUILD
        ),
        Attribute("base", Kind.BASE, "Base of the image, with Python.", bases.PYTHON, bases.PYTHON),
    )

    def actions(self, target: Target, sources: PythonSources, platform: str) -> TargetActions:
        if not target.text("module"):
            raise BuildFileError(
                f"`{target.label}` has no `module`",
                at=target.at,
                hint="name the module to run: `module: my_service`",
            )
        below = self._below(target, sources, platform)
        image = self._image(target, sources, platform, under=below[-1].layer)
        return TargetActions(target.label, self.name, (*below, image), target.number("max_size"))

    def _below(self, target: Target, sources: PythonSources, platform: str) -> list[Action]:
        """The dependency layers, bottom up."""
        runtime = runtime_action(
            target, builder=target.text("builder"), version=self.version, platform=platform
        )
        if not sources.requirements:
            return [runtime]
        return [runtime, self._requirements(target, sources, platform)]

    def tests(
        self, target: Target, sources: PythonSources, tests: TestSources, platform: str
    ) -> TargetActions:
        """pytest, with what requirements-dev.txt adds to the requirements."""
        below = self._below(target, sources, platform)
        below.append(self._test_requirements(target, tests, platform, under=below[-1].layer))
        folder = source_folder(sources.package)
        lines = (
            f"WORKDIR {folder}",
            *_python_variables(folder),
            step_of_tests(
                target, Form.JUNIT, f"{_VENV}/bin/python -m pytest --junitxml=$out/junit.xml"
            ),
        )
        run_tests = with_derived(
            action_of_tests(self, "test-requirements", lines, tests.files, platform), tests.derived
        )
        return TargetActions(target.label, self.name, (*below, run_tests))

    def _test_requirements(
        self, target: Target, tests: TestSources, platform: str, *, under: str
    ) -> Action:
        venv = (
            run(f"python3 -m venv --without-pip {_VENV}", offline=True)
            if under == RUNTIME_LAYER
            else f"COPY --from={under} {_VENV} {_VENV}"
        )
        listed = [f"{_INSTALL} -r {source_folder(path)}" for path, _ in tests.requirements[:1]]
        build = Stage(
            "test-requirements-build",
            target.text("builder"),
            (
                run(_COMPILERS, mounts=[CA_MOUNT]),
                venv,
                "COPY --from=test-requirements-inputs / /src/",
                run(
                    *listed,
                    f"({_VENV}/bin/python -c 'import pytest' 2> /dev/null || {_INSTALL} {PYTEST})",
                    mounts=[CA_MOUNT],
                ),
            ),
        )
        copy = f"COPY --from=test-requirements-build {_VENV} {_VENV}"
        return Action(
            layer="test-requirements",
            role=Role.DEPENDENCY,
            rule=self.name,
            rule_version=self.version,
            stages=(build, Stage("test-requirements", under, (copy,))),
            platform=platform,
            sources=(SourceInput("test-requirements-inputs", (), derived=tests.requirements),),
            bases=(target.text("builder"),),
            layers=(under,),
        )

    def _requirements(self, target: Target, sources: PythonSources, platform: str) -> Action:
        first, _ = sources.requirements[0]
        build = Stage(
            "requirements-build",
            target.text("builder"),
            (
                run(_COMPILERS, mounts=[CA_MOUNT]),
                "COPY --from=requirements-inputs / /src/",
                run(
                    f"python3 -m venv --without-pip {_VENV}",
                    f"{_INSTALL} -r {source_folder(first)}",
                    f"mkdir -p {OUTPUT}/opt",
                    f"mv {_VENV} {OUTPUT}{_VENV}",
                    "python3 -I -S - <<'END'",
                    CONSTANT_TIMES,
                    mounts=[CA_MOUNT],
                    text=f"{_BYTE_COMPILE_PACKAGES}END",
                ),
            ),
        )
        installed = Stage(
            "requirements", RUNTIME_LAYER, (f"COPY --from=requirements-build {OUTPUT}/ /",)
        )
        return Action(
            layer="requirements",
            role=Role.DEPENDENCY,
            rule=self.name,
            rule_version=self.version,
            stages=(build, installed),
            platform=platform,
            sources=(SourceInput("requirements-inputs", (), derived=sources.requirements),),
            bases=(target.text("builder"),),
            layers=(RUNTIME_LAYER,),
        )

    def _image(
        self, target: Target, sources: PythonSources, platform: str, *, under: str
    ) -> Action:
        base = target.text("base")
        build = Stage(
            "build",
            base,
            (
                f"COPY --from=sources / {OUTPUT}/src/",
                run(
                    "python3 -I -S - <<'END'",
                    CONSTANT_TIMES,
                    offline=True,
                    text=f"{BYTE_COMPILE_SOURCES}END",
                ),
            ),
        )
        folder = source_folder(sources.package)
        python = f"{_VENV}/bin/python" if sources.requirements else "python3"
        image = Stage(
            IMAGE_LAYER,
            under,
            (
                COPY_OUTPUT,
                f"WORKDIR {folder}",
                *_python_variables(folder),
                *image_instructions(target, (python, "-m", target.text("module"))),
            ),
        )
        action = code_action(self, (build, image), sources.files, platform, layers=(under,))
        return replace(action, bases=(base,))


def _python_variables(folder: str) -> tuple[str, ...]:
    return (
        env("PYTHONPATH", ":".join(dict.fromkeys((folder, "/src")))),
        env("PYTHONUNBUFFERED", "1"),
        env("PYTHONDONTWRITEBYTECODE", "1"),
    )
