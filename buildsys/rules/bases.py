"""The bases that rules build on, unless the root BUILD.yaml names others under the same names."""

from buildsys.model.target import Base, Bootstrap

_DOCUMENTATION = (
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/locale/*",
    "/usr/share/info/*",
)
_LEFTOVERS = ("/var/cache/*", "/var/log/*", "/var/lib/apt/*", "/usr/share/lintian")
# Half of the files, which an empty BuildKit unpacks before it can compile anything. What `go build`, `go vet`
# and `go test` run stays, and the sources of all that can be imported.
_UNUSED_OF_GO = (
    "/usr/share/go-*/test/*",
    "/usr/share/go-*/api/*",
    "/usr/share/go-*/src/cmd/*",
    "/usr/share/go-*/src/*_test.go",
    "/usr/share/go-*/src/*/testdata/*",
    *(
        f"/usr/lib/go-*/pkg/tool/*/{name}"
        for name in (
            "addr2line",
            "api",
            "dist",
            "distpack",
            "doc",
            "fix",
            "nm",
            "objdump",
            "pprof",
            "trace",
        )
    ),
)

GO = "golang"
PYTHON_BUILD = "python-build"
PYTHON = "python"
RUST = "rust"
RUNTIME = "alpine"
NONE = "scratch"
"""In the place of a base: an image with nothing in it, which Dockerfiles know by this name."""

BUILT_IN: tuple[Base, ...] = (
    Base(
        GO,
        "docker.io/library/golang:1.24-alpine",
        Bootstrap(
            packages=("ca-certificates", "golang-go"), trim=(*_DOCUMENTATION, *_UNUSED_OF_GO)
        ),
    ),
    Base(
        PYTHON_BUILD,
        "docker.io/library/python:3.13-alpine",
        Bootstrap(
            packages=(
                "ca-certificates",
                "gcc",
                "libc6-dev",
                "libffi-dev",
                "libssl-dev",
                "python3",
                "python3-dev",
                "python3-pip",
            ),
            trim=_DOCUMENTATION,
        ),
    ),
    Base(
        PYTHON,
        "docker.io/library/python:3.13-alpine",
        Bootstrap(
            packages=("busybox-static", "python3.13"),
            variant="extract",
            trim=(
                *_DOCUMENTATION,
                *_LEFTOVERS,
                "/usr/lib/x86_64-linux-gnu/gconv",
                "/usr/share/perl*",
                "/usr/lib/python3.13/pydoc_data",
                "/usr/lib/python3.13/idlelib",
                "/usr/lib/python3.13/turtle*",
                "/usr/lib/python3.13/lib-dynload/_test*",
            ),
            links=(("/usr/bin/python3", "python3.13"),),
            busybox=True,
        ),
    ),
    Base(
        RUST,
        "docker.io/library/rust:1.85-alpine",
        Bootstrap(
            packages=("ca-certificates", "cargo", "gcc", "libc6-dev", "rustc"), trim=_DOCUMENTATION
        ),
    ),
    Base(
        RUNTIME,
        "docker.io/library/alpine:3.22",
        Bootstrap(
            packages=("busybox-static",),
            variant="extract",
            trim=(*_DOCUMENTATION, *_LEFTOVERS, "/usr/share/initramfs-tools"),
            busybox=True,
        ),
    ),
)
