"""What the stages of Go have in common, and the list of packages that `modules` ends with."""

from buildsys.model.action import CONSTANT_TIME
from buildsys.model.dockerfile import Stage, env, run

TAGS = ("netgo",)
CACHE = "/go/cache"
LAST_PACKAGES = "id=go-packages"
"""Of the mount with what was compiled last."""
# What packages the modules have, and what these import: bs reads it in the stored layer, to know which modules
# a service uses. It's a layer of its own, so that it is quick to read.
_FACTS = "/go/facts"
_LISTED = "/out/listed"


def environment(platform: str) -> tuple[str, ...]:
    """Said in each stage that runs Go, so that each stage's text tells all of it."""
    system, _, machine = platform.partition("/")
    return (
        env("CGO_ENABLED", "0"),
        env("GOOS", system),
        env("GOARCH", machine),
        env("GOTOOLCHAIN", "local"),
        env("GOMODCACHE", "/go/pkg/mod"),
        env("GOCACHE", CACHE),
    )


def list_packages(module: str, into: str) -> tuple[str, ...]:
    """Commands that write down what packages the modules of `module`'s go.mod have: see analysis/go_listing.

    Go reads each module's folder as it is, without resolving anything (GOPATH mode): as modules, their packages
    could only be listed together with what their unused parts import, which go.mod doesn't name. They are
    behind numbers, as an argument can't have an `@` then. The list is whole, or there is none.
    """
    format_ = "'{{.Dir}}{{range .Imports}} {{.}}{{end}}'"
    list_all = f"GO111MODULE=off go list -e -tags {','.join(TAGS)} -f {format_}"
    return (
        f"mkdir -p {into} && cd {module}",
        f"cp go.mod {into} && (cp go.sum {into} || :)",
        rf"""GOPROXY=off go mod download -json | sed -n 's|.*"Dir": "\(.*\)".*|\1|p' > {into}/folders""",
        "m=$(mktemp -d) && cd $m && n=0",
        f'while read -r folder; do n=$((n+1)); ln -s "$folder" $n; done < {into}/folders',
        f"({list_all} $(ls | sed 's|.*|./&/...|') > list && sed \"s|^$m/||\" list > {into}/packages || :)",
    )


def with_list(downloaded: Stage, module: str) -> tuple[Stage, ...]:
    """The stages of `modules` with the list of packages on top.

    A list that can't be made is no obstacle: then every line of go.mod and go.sum counts.
    """
    listing = run(
        *list_packages(module, f"{_LISTED}{_FACTS}"),
        f"find {_LISTED} -exec touch -d @{CONSTANT_TIME} {{}} +",
        offline=True,
    )
    return (
        downloaded,
        Stage("listing", downloaded.name, (listing,)),
        Stage("modules", downloaded.name, (f"COPY --from=listing {_LISTED}/ /",)),
    )
