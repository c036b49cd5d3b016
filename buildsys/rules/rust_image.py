"""`rust_image`: a static, stripped Rust binary on the runtime base; dependencies by cargo-chef."""

import re
from dataclasses import replace

from buildsys.model.action import Action, Role, SourceInput, TargetActions
from buildsys.model.dockerfile import Stage, env, run
from buildsys.model.sources import RustSources, TestSources
from buildsys.model.target import Target
from buildsys.rules import bases
from buildsys.rules.attributes import IMAGE_ATTRIBUTES, Attribute, Kind
from buildsys.rules.image import (
    BINARIES,
    BINARY_BASE,
    CA_MOUNT,
    CONSTANT_TIMES,
    RUNTIME_LAYER,
    SOURCE_ROOT,
    binary_name,
    binary_stage,
    code_action,
    runtime_action,
    source_folder,
    with_derived,
)
from buildsys.rules.tests import Form, action_of_tests, step_of_tests

CARGO_CHEF = "0.1.72"
"""The newest that rustc 1.85 compiles."""
# Always an explicit target: without one, crt-static reaches proc-macros, which can't be static.
_TARGET = "--target \"$(rustc -vV | sed -n 's/^host: //p')\""
# Paths of crates are in every panic; who reads one wants the crate, not the folders of a build. None of the
# flags may have a space in it.
_FLAGS = (
    "-C target-feature=+crt-static",
    "-C link-arg=-s",
    "--remap-path-prefix=/cargo/registry/src=/crates",
    f"--remap-path-prefix={SOURCE_ROOT}=/workspace",
)
# Of a Cargo workspace's lock, a layer has what its crates may need; which of it they do need, only Cargo can
# tell. It adds nothing to a lock that was up to date.
_LOCKED_LINES = "grep -E '^(checksum|source) = ' Cargo.lock"
_NARROW = (
    f"{_LOCKED_LINES} | sort -u > /tmp/locked",
    "cargo update --workspace",
    (
        f"if {_LOCKED_LINES} | grep -vxFf /tmp/locked; then"
        " echo 'Cargo.lock needs to be updated: cargo update --workspace' >&2; exit 1; fi"
    ),
)
_NARROW_AGAIN = "cargo update --workspace --offline"
# What rustc remembers of the workspace's own crates stays in BuildKit for the next build (ADR 015), and nothing
# else of /target: cargo decides by times what is fresh, rustc by hashes of what it compiles. The mount belongs
# to this very `cook` layer, and so to its compiler, its flags and its dependencies.
_INCREMENTAL = "/incremental"
_INCREMENTAL_MOUNT = f"type=cache,id=rust,from=cook,source={_INCREMENTAL},target={_INCREMENTAL}"
# cargo names the folder by the platform, a mount can't: so cargo's is a link, for the target and for the host.
_LINK_INCREMENTAL = (
    "for folder in /target/release /target/*/release; do if [ -d $folder ]; then"
    f" rm -rf $folder/incremental && ln -s {_INCREMENTAL} $folder/incremental; fi; done"
)
_LIBC = "if command -v apk > /dev/null; then apk add --no-cache musl-dev; fi"


class RustImage:
    """cargo-chef, the cooked dependencies and the code, each a layer of its own."""

    name = "rust_image"
    version = 1
    static = True
    doc = "An image with one static Rust binary, from the crate in the target's folder."
    attributes: tuple[Attribute, ...] = (
        *IMAGE_ATTRIBUTES,
        Attribute(
            "binary", Kind.TEXT, "Binary of the crate; the target's name by default.", "", "aob"
        ),
        Attribute("builder", Kind.BASE, "Base with cargo and a linker.", bases.RUST, bases.RUST),
        BINARY_BASE,
    )

    def actions(self, target: Target, sources: RustSources, platform: str) -> TargetActions:
        return TargetActions(
            target.label,
            self.name,
            (
                self._chef(target, platform),
                self._cook(sources, platform),
                runtime_action(
                    target, builder=target.text("builder"), version=self.version, platform=platform
                ),
                self._image(target, sources, platform),
            ),
            target.number("max_size"),
        )

    def tests(
        self, target: Target, sources: RustSources, tests: TestSources, platform: str
    ) -> TargetActions:
        """`cargo test`, on dependencies and dev-dependencies that are compiled for it."""
        command = f"cargo test --locked --offline {_TARGET}"
        lines = (
            f"WORKDIR {source_folder(sources.crate)}",
            *([run(_NARROW_AGAIN, offline=True)] if sources.narrowed else ()),
            step_of_tests(
                target,
                Form.CARGO,
                f"{command} --no-fail-fast",
                compiled=f"{command} --no-run",
            ),
        )
        run_tests = with_derived(
            action_of_tests(self, "test-cook", lines, tests.files, platform),
            tests.derived,
            beside=sources.others,
        )
        below = (self._chef(target, platform), self._test_cook(sources, tests, platform))
        return TargetActions(target.label, self.name, (*below, run_tests))

    def _test_cook(self, sources: RustSources, tests: TestSources, platform: str) -> Action:
        # Nothing of it is shipped: unoptimised and without debugging information it compiles quickest.
        quick = (
            env("CARGO_PROFILE_DEV_DEBUG", "false"),
            env("CARGO_PROFILE_TEST_DEBUG", "false"),
            env("CARGO_INCREMENTAL", "0"),
        )
        sources = replace(sources, target_paths=tests.target_paths)
        return self._cooked("test-cook", "--tests", sources, platform, quick)

    def _chef(self, target: Target, platform: str) -> Action:
        install = run(
            _LIBC,
            # Not optimised: it compiles in half the time, and has little to do.
            "CARGO_PROFILE_DEV_DEBUG=false cargo install cargo-chef --debug"
            f" --version {CARGO_CHEF} --locked --root /usr/local",
            "rm -rf /cargo/registry /cargo/git /target",
            mounts=[CA_MOUNT],
        )
        lines = (env("CARGO_HOME", "/cargo"), env("CARGO_TARGET_DIR", "/target"), install)
        return Action(
            layer="chef",
            role=Role.DEPENDENCY,
            rule=self.name,
            rule_version=self.version,
            stages=(Stage("chef", target.text("builder"), lines),),
            platform=platform,
            bases=(target.text("builder"),),
        )

    def _cook(self, sources: RustSources, platform: str) -> Action:
        return self._cooked(
            "cook",
            "--release",
            sources,
            platform,
            # Makes the folder that the code stage's mount begins with.
            (f"WORKDIR {_INCREMENTAL}",),
            (_LINK_INCREMENTAL,),
        )

    def _cooked(
        self,
        layer: str,
        profile: str,
        sources: RustSources,
        platform: str,
        before: tuple[str, ...] = (),
        then: tuple[str, ...] = (),
    ) -> Action:
        cook = Stage(
            layer,
            "chef",
            (
                *before,
                env("RUSTFLAGS", " ".join(_FLAGS)),
                f"WORKDIR {source_folder(sources.workspace)}",
                "COPY --from=recipe /recipe.json /recipe.json",
                run(
                    f"cargo chef cook {profile} --locked {_TARGET}{_package(sources)}"
                    " --recipe-path /recipe.json",
                    *then,
                    mounts=[CA_MOUNT],
                ),
            ),
        )
        return Action(
            layer=layer,
            role=Role.DEPENDENCY,
            rule=self.name,
            rule_version=self.version,
            stages=(_recipe(sources), cook),
            platform=platform,
            sources=(_recipe_inputs(sources),),
            layers=("chef",),
        )

    def _image(self, target: Target, sources: RustSources, platform: str) -> Action:
        binary = binary_name(target)
        build = Stage(
            "build",
            "cook",
            (
                "COPY --from=sources / /src/",
                run(
                    f"cd {source_folder(sources.crate)}",
                    *([_NARROW_AGAIN] if sources.narrowed else ()),
                    f"cargo build --release --locked --offline {_TARGET} --bin {binary}",
                    f"install -D /target/*/release/{binary} {BINARIES}/{binary}",
                    f"strip {BINARIES}/{binary}",
                    CONSTANT_TIMES,
                    mounts=[_INCREMENTAL_MOUNT],
                    offline=True,
                ),
            ),
        )
        action = code_action(
            self,
            (build, binary_stage(target)),
            sources.files,
            platform,
            layers=("cook", RUNTIME_LAYER),
        )
        return with_derived(action, sources.derived, beside=sources.others)


def _recipe(sources: RustSources) -> Stage:
    return Stage(
        "recipe",
        "chef",
        (
            f"WORKDIR {source_folder(sources.workspace)}",
            "COPY --from=recipe-inputs / /src/",
            run(
                *(_NARROW if sources.narrowed else ()),
                "cargo chef prepare --recipe-path /recipe.json",
                mounts=[CA_MOUNT],
            ),
        ),
    )


def _recipe_inputs(sources: RustSources) -> SourceInput:
    beside = (*sources.others, *sources.other_paths)
    return SourceInput("recipe-inputs", (), sources.target_paths, sources.recipe, beside)


def _package(sources: RustSources) -> str:
    """Called at the top of a Cargo workspace, Cargo would take what belongs to other programs as well."""
    is_member = sources.crate != sources.workspace and re.fullmatch(r"[\w-]+", sources.name)
    return f" --package {sources.name}" if is_member else ""
