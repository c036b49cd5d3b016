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
    """File, text, text with `NEW` in its place."""


def _go(name: str) -> Service:
    edits = (("go.mod", "\nrequire", "\n// NEW\nrequire"),)
    return Service(name, "go", name, f"cmd/{name}/main.go", edits)


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
        (("cmd/agent-runner-py/requirements.txt", "#\n", "# NEW\n#\n"),),
    ),
    Service(
        "aob-cli",
        "rust",
        "aob",
        "cmd/aob-cli/src/main.rs",
        (
            ("cmd/aob-cli/Cargo.toml", "[dependencies]\n", '[dependencies]\nitoa = "1" # NEW\n'),
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
