"""The document's Dockerfiles: unoptimised, naive and optimised. What they change is said where they change it.

The bases are the workspace's own, the same for all: no registry is asked. Packages that Alpine's flavours need
(`apk add`) are in them. The host's certificates are mounted where something is fetched.
"""

from dataclasses import dataclass

CA = "--mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt"
TARGET = "$(rustc -vV | sed -n 's/^host: //p')"
IGNORED = (
    "submission_doc/\ndelete/\ndocs/\n**/docs/\n*.md\n*.MD\nnode_modules/\ntarget/\n*.log\n.git/\n"
)
"""The document's .dockerignore; only the optimised builds have it."""


@dataclass(frozen=True)
class Service:
    """A service, the file that a code change touches, and the edits of a change of dependencies."""

    name: str
    language: str
    binary: str
    code: str
    dependencies: tuple[tuple[str, str, str], ...]
    """File, text, the text in its place: other versions, as a comment is no change to `bs`."""


def _other_version(
    module: str, versions: tuple[str, str], sums: tuple[str, str]
) -> tuple[tuple[str, str, str], ...]:
    """The edits of a Go module that go.mod of the two versions is the same for."""
    old, new = (f"{module} {version}" for version in versions)
    return (
        ("go.mod", old, new),
        ("go.sum", f"{old} h1:{sums[0]}", f"{new} h1:{sums[1]}"),
        ("go.sum", f"{old}/go.mod", f"{new}/go.mod"),
    )


def _go(name: str) -> Service:
    return Service(name, "go", name, f"cmd/{name}/main.go", _GO_VERSIONS)


_GO_VERSIONS = (
    *_other_version(
        "github.com/go-chi/chi/v5",
        ("v5.5.0", "v5.4.0"),
        (
            "xdKQ1dJmVJsmgahrXSKhUx8NyVPzpwdlyrrQFpMPJgg=",
            "+ufzvFTGKyin26Or5DLrlIDq4ygIDBVcj7oVNeeaYFE=",
        ),
    ),
    *_other_version(
        "golang.org/x/sync",
        ("v0.19.0", "v0.18.0"),
        (
            "vV+1eWNmZ5geRlYjzm2adRgW2/mcpevXNg50YZtPCE4=",
            "kr88TuHDroi+UVf+0hZnirlk8o8T+4MrK6mr60WkH/I=",
        ),
    ),
)


SERVICES = (
    *(
        _go(name)
        for name in ("orchestrator", "workflow-runner", "http-worker", "hitl-worker", "fanout")
    ),
    Service(
        "agent-runner-py",
        "python",
        "agent_runner",
        "cmd/agent-runner-py/agent_runner/__main__.py",
        (
            ("cmd/agent-runner-py/requirements.txt", "idna==3.20", "idna==3.19"),
            (
                "cmd/agent-runner-py/requirements.txt",
                "ab7ae7122974553370f0bdb919e1a960b2cd1bc1ef0276416d896db81c14582c",
                "815e7be7a7806d54abb586dc943addc79e8b2ee16915059658cbeff4b1b43bf4",
            ),
        ),
    ),
    Service(
        "aob-cli",
        "rust",
        "aob",
        "cmd/aob-cli/src/main.rs",
        (
            ("cmd/aob-cli/Cargo.toml", "[dependencies]\n", '[dependencies]\nitoa = "1"\n'),
            ("cmd/aob-cli/Cargo.lock", ' "clap",\n "percent', ' "clap",\n "itoa",\n "percent'),
        ),
    ),
)


def dockerfile(way: str, service: Service) -> str:
    """The Dockerfile of a service, built one way: `unoptimised`, `naive` or `optimised`."""
    return (
        _TEXTS[service.language, way].replace("NAME", service.name).replace("BIN", service.binary)
    )


_TEXTS = {
    ("go", "unoptimised"): f"""FROM golang
WORKDIR /build
COPY . .
RUN {CA} CGO_ENABLED=0 go build -buildvcs=false -o /usr/local/bin/NAME ./cmd/NAME
ENTRYPOINT ["NAME"]
""",
    ("go", "naive"): f"""FROM golang AS builder
WORKDIR /build
COPY . .
RUN {CA} go mod download && CGO_ENABLED=0 go build -buildvcs=false -o NAME ./cmd/NAME
FROM alpine
COPY --from=builder /build/NAME /usr/local/bin/NAME
ENTRYPOINT ["NAME"]
""",
    ("go", "optimised"): f"""FROM golang AS builder
WORKDIR /build
COPY go.mod go.sum ./
RUN {CA} go mod download && go mod verify
COPY cmd/NAME ./cmd/NAME
COPY common ./common
RUN CGO_ENABLED=0 GOOS=linux GOARCH=amd64 go build -buildvcs=false \\
    -ldflags="-s -w -extldflags '-static'" -trimpath -tags netgo -o NAME ./cmd/NAME
FROM alpine
COPY --from=builder /build/NAME /usr/local/bin/NAME
USER 1000:1000
ENTRYPOINT ["NAME"]
""",
    ("python", "unoptimised"): f"""FROM python-build
WORKDIR /app
COPY . .
RUN {CA} pip install --break-system-packages -r cmd/NAME/requirements.txt
WORKDIR /app/cmd/NAME
ENTRYPOINT ["python3", "-m", "BIN"]
""",
    ("python", "naive"): f"""FROM python-build AS builder
WORKDIR /app
COPY . .
RUN {CA} pip install --break-system-packages --target /packages -r cmd/NAME/requirements.txt
FROM python
COPY --from=builder /packages /packages
COPY --from=builder /app/cmd/NAME /app
WORKDIR /app
ENV PYTHONPATH=/packages
ENTRYPOINT ["python3", "-m", "BIN"]
""",
    ("python", "optimised"): f"""FROM python-build AS builder
COPY cmd/NAME/requirements.txt .
RUN {CA} pip install --break-system-packages --no-cache-dir --target /packages -r requirements.txt
FROM python
COPY --from=builder /packages /packages
COPY cmd/NAME/ /app/
WORKDIR /app
ENV PYTHONPATH=/packages
USER 1000:1000
ENTRYPOINT ["python3", "-m", "BIN"]
""",
    ("rust", "unoptimised"): f"""FROM rust
WORKDIR /build
COPY . .
WORKDIR /build/cmd/NAME
RUN {CA} cargo build --release --locked && cp target/release/BIN /usr/local/bin/BIN
ENTRYPOINT ["BIN"]
""",
    ("rust", "naive"): f"""FROM rust AS builder
WORKDIR /build
COPY . .
WORKDIR /build/cmd/NAME
RUN {CA} RUSTFLAGS="-C target-feature=+crt-static" cargo build --release --locked --target "{TARGET}" \\
    && cp target/*/release/BIN /BIN
FROM alpine
COPY --from=builder /BIN /usr/local/bin/BIN
ENTRYPOINT ["BIN"]
""",
    ("rust", "optimised"): f"""FROM rust AS chef
ENV CARGO_HOME=/cargo
RUN {CA} cargo install cargo-chef --version 0.1.72 --locked --root /usr/local
WORKDIR /build
FROM chef AS planner
COPY cmd/NAME/Cargo.toml cmd/NAME/Cargo.lock ./
COPY cmd/NAME/src ./src
RUN {CA} cargo chef prepare --recipe-path recipe.json
FROM chef AS builder
ENV RUSTFLAGS="-C target-feature=+crt-static -C link-arg=-s"
COPY --from=planner /build/recipe.json .
RUN {CA} cargo chef cook --release --recipe-path recipe.json --target "{TARGET}"
COPY cmd/NAME/Cargo.toml cmd/NAME/Cargo.lock ./
COPY cmd/NAME/src ./src
RUN {CA} cargo build --release --locked --target "{TARGET}" && strip target/*/release/BIN \\
    && cp target/*/release/BIN /BIN
FROM alpine
COPY --from=builder /BIN /usr/local/bin/BIN
USER 1000:1000
ENTRYPOINT ["BIN"]
""",
}
