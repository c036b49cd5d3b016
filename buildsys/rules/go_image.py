"""`go_image`: a static, stripped Go binary on the runtime base."""

import re
from dataclasses import replace

from buildsys.errors import BuildFileError
from buildsys.model.action import Action, Role, SourceInput, TargetActions
from buildsys.model.dockerfile import Stage, run
from buildsys.model.sources import GoManifests, GoSources, TestSources
from buildsys.model.target import Target
from buildsys.rules import bases
from buildsys.rules.attributes import IMAGE_ATTRIBUTES, Attribute, Kind
from buildsys.rules.go_stages import CACHE, LAST_PACKAGES, TAGS, environment, with_list
from buildsys.rules.image import (
    BINARIES,
    BINARY_BASE,
    CA_MOUNT,
    CONSTANT_TIMES,
    RUNTIME_LAYER,
    binary_name,
    binary_stage,
    code_action,
    runtime_action,
    source_folder,
)
from buildsys.rules.tests import Form, action_of_tests, step_of_tests, time_limit

# The flags of packages and of code have to be the same, else Go's cache answers nothing.
_FLAGS = "-buildvcs=false -trimpath -tags " + ",".join(TAGS)
_COMPILE = f"go build {_FLAGS}"
_LINK = "-ldflags=\"-s -w -extldflags '-static'\""
# What the code stage compiles itself, packages of the workspace above all, stays in BuildKit for the next
# build; it starts from the compiled packages. As with those, Go's own keys decide what is taken from it.
_CACHE_MOUNT = f"type=cache,id=go,from=packages,source={CACHE},target={CACHE}"
# Go touches each cache entry that is older than an hour when it uses it, and in a layer that copies the
# whole entry up; entries of the future are left alone (cmd/go/internal/cache, markUsed).
_FUTURE = f"find {CACHE} -type f -exec touch -d 2100-01-01T00:00:00 {{}} +"
# Another set of packages has most of the last one's. Go touches the entries that it uses: what keeps the time
# that it was put by with belongs to earlier sets, and isn't in the layer. (Busybox' find knows days only.)
_LAST = "/go/last"
_LAST_MOUNT = f"type=cache,{LAST_PACKAGES},sharing=locked,target={_LAST}"
_LONG_AGO = f"find {_LAST} -type f -exec touch -d 2000-01-01T00:00:00 {{}} +"
_DROP_UNUSED = f"find {CACHE} -type f -name '*-[ad]' -mtime +3650 -delete"
# What services use of the standard library. All of it would take half as long again, and a package that
# isn't here costs a second in the code stage; the list is fixed, so that a new import of it changes no key.
_STANDARD = (
    "archive/zip", "compress/gzip", "crypto/ed25519", "database/sql", "embed", "encoding/csv",
    "encoding/json", "encoding/xml", "expvar", "flag", "hash/fnv", "html/template", "log/slog",
    "mime/multipart", "net/http", "net/http/httputil", "os/signal", "regexp", "text/template",
)  # fmt: skip
_IMPORT_PATH = re.compile(r"[A-Za-z0-9._~+/-]+")


class GoImage:
    """Modules, compiled packages and the code, each a layer of its own."""

    name = "go_image"
    version = 1
    static = True
    doc = "An image with one static Go binary, from the main package in the target's folder."
    attributes: tuple[Attribute, ...] = (
        *IMAGE_ATTRIBUTES,
        Attribute("binary", Kind.TEXT, "Name of the binary; the target's by default.", "", "api"),
        Attribute("builder", Kind.BASE, "Base with the Go toolchain.", bases.GO, bases.GO),
        BINARY_BASE,
        Attribute(
            "platforms",
            Kind.PLATFORMS,
            "Platforms that `bs push` compiles it for; the machine's own by default. On another than the"
            " machine's, `base` has to be `scratch` or pinned from a registry.",
            (),
            "[linux/amd64, linux/arm64]",
        ),
    )

    def actions(self, target: Target, sources: GoSources, platform: str) -> TargetActions:
        runtime = runtime_action(
            target, builder=target.text("builder"), version=self.version, platform=platform
        )
        return TargetActions(
            target.label,
            self.name,
            (
                self._modules(target, sources, platform),
                self._packages(sources, platform),
                runtime,
                self._image(target, sources, platform),
            ),
            target.number("max_size"),
        )

    def tests(
        self, target: Target, sources: GoSources, tests: TestSources, platform: str
    ) -> TargetActions:
        """`go test` of the packages in `tests`, on top of the compiled packages."""
        folders = " ".join(source_folder(folder) for folder in tests.packages)
        command = (
            f"go test -json -count=1 -timeout {time_limit(target)}s {_FLAGS} {_LINK} {folders}"
        )
        lines = (
            f"WORKDIR {source_folder(sources.package)}",
            step_of_tests(target, Form.GO, command, mounts=(_CACHE_MOUNT,)),
        )
        run_tests = _noticing(
            action_of_tests(self, "packages", (*environment(platform), *lines), tests.files, platform,
                stand_ins={"packages": "modules"},
            ),
            tests.noticed,
            target,
        )  # fmt: skip
        below = (self._modules(target, sources, platform), self._packages(sources, platform))
        return TargetActions(target.label, self.name, (*below, run_tests))

    def _modules(self, target: Target, sources: GoSources, platform: str) -> Action:
        lines = [
            *environment(platform),
            # Makes the folder, which the code stage mounts even where `packages` couldn't be made.
            f"WORKDIR {CACHE}",
            f"WORKDIR {source_folder(sources.module)}",
            "COPY --from=modules-inputs / /src/",
        ]
        if not sources.vendored:
            lines.append(run("go mod download", "go mod verify", mounts=[CA_MOUNT]))
        stages: tuple[Stage, ...] = (Stage("modules", target.text("builder"), tuple(lines)),)
        if sources.plain:
            stages = with_list(replace(stages[0], name="downloaded"), source_folder(sources.module))
        inputs = (*sources.manifests, *sources.vendored)
        return Action(
            layer="modules",
            role=Role.DEPENDENCY,
            rule=self.name,
            rule_version=self.version,
            stages=stages,
            platform=platform,
            sources=(SourceInput("modules-inputs", inputs, derived=sources.plain),),
            bases=(target.text("builder"),),
        )

    def _packages(self, sources: GoSources, platform: str) -> Action:
        for package in sources.external:
            if not _IMPORT_PATH.fullmatch(package):
                raise BuildFileError(f"`{package}` is not an import path")
        packages = " \\\n      ".join((*_STANDARD, *sources.external))
        compile_all = run(
            f"cp -a {_LAST}/. {CACHE}",
            # Without it, the first go command of the code stage would look for entries to trim.
            f"date +%s > {CACHE}/trim.txt",
            f"{_COMPILE} -v {packages}",
            _DROP_UNUSED,
            f"rm -rf {_LAST}/*",
            f"cp -r {CACHE}/. {_LAST}",
            _LONG_AGO,
            _FUTURE,
            mounts=[_LAST_MOUNT],
            offline=True,
        )
        return Action(
            layer="packages",
            role=Role.DEPENDENCY,
            rule=self.name,
            rule_version=self.version,
            stages=(Stage("packages", "modules", (compile_all,)),),
            platform=platform,
            layers=("modules",),
            accelerator=True,
        )

    def _image(self, target: Target, sources: GoSources, platform: str) -> Action:
        binary = binary_name(target)
        package = source_folder(sources.package)
        build = Stage(
            "build",
            "packages",
            (
                *environment(platform),
                "COPY --from=sources / /src/",
                run(
                    f"cd {package}",
                    f"{_COMPILE} {_LINK} -o {BINARIES}/{binary} .",
                    CONSTANT_TIMES,
                    mounts=[_CACHE_MOUNT],
                    offline=True,
                ),
            ),
        )
        image = code_action(
            self,
            (build, binary_stage(target)),
            sources.files,
            platform,
            layers=("packages", RUNTIME_LAYER),
            stand_ins={"packages": "modules"},
        )
        return _noticing(image, sources.noticed, target)


def _noticing(action: Action, noticed: GoManifests | None, target: Target) -> Action:
    """An action that compiles code, with the lines of go.mod and go.sum that it notices.

    If they are exact, they pin all that it takes of `modules`; the toolchain, which comes with it, then enters
    by its base's digest. Otherwise `modules` enters by its key.
    """
    if noticed is None:
        return action
    (given,) = action.sources
    if noticed.unknown:
        return replace(action, awaits="modules", unknown=noticed.unknown)
    files = tuple(path for path in given.files if path not in noticed.unused)
    action = replace(action, sources=(replace(given, files=files, derived=noticed.texts),))
    if not noticed.exact:
        return action
    return replace(
        action,
        bases=(target.text("builder"),),
        pinned=("packages",),
    )
