# //cmd/cli, made by bs. Build it in the root folder of the workspace:
#   buildctl build --frontend dockerfile.v0 --local context=. --local dockerfile=DIR \
#     --secret id=ca,src=/etc/ssl/certs/ca-certificates.crt --output type=oci,dest=image.tar

FROM docker.io/library/alpine:3.22@sha256:0000000000000000000000000000000000000000000000000000000000000005 AS alpine

FROM docker.io/library/rust:1.85-alpine@sha256:0000000000000000000000000000000000000000000000000000000000000004 AS rust

FROM rust AS chef
ENV CARGO_HOME="/cargo"
ENV CARGO_TARGET_DIR="/target"
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt if command -v apk > /dev/null; then apk add --no-cache musl-dev; fi \
 && CARGO_PROFILE_DEV_DEBUG=false cargo install cargo-chef --debug --version 0.1.72 --locked --root /usr/local \
 && rm -rf /cargo/registry /cargo/git /target

FROM scratch AS recipe-inputs
COPY ["Cargo.lock", "./"]
COPY ["cmd/cli/Cargo.toml", "cmd/cli/"]
COPY ["cmd/cli/src/main.rs", "cmd/cli/src/"]
COPY ["crates/other/Cargo.toml", "crates/other/"]
COPY ["crates/other/src/lib.rs", "crates/other/src/"]

FROM chef AS recipe
WORKDIR /src
COPY --from=recipe-inputs / /src/
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt grep -E '^(checksum|source) = ' Cargo.lock | sort -u > /tmp/locked \
 && cargo update --workspace \
 && if grep -E '^(checksum|source) = ' Cargo.lock | grep -vxFf /tmp/locked; then echo 'Cargo.lock needs to be updated: cargo update --workspace' >&2; exit 1; fi \
 && cargo chef prepare --recipe-path /recipe.json

FROM chef AS cook
WORKDIR /incremental
ENV RUSTFLAGS="-C target-feature=+crt-static -C link-arg=-s --remap-path-prefix=/cargo/registry/src=/crates --remap-path-prefix=/src=/workspace"
WORKDIR /src
COPY --from=recipe /recipe.json /recipe.json
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt cargo chef cook --release --locked --target "$(rustc -vV | sed -n 's/^host: //p')" --package cli --recipe-path /recipe.json \
 && for folder in /target/release /target/*/release; do if [ -d $folder ]; then rm -rf $folder/incremental && ln -s /incremental $folder/incremental; fi; done

FROM rust AS account
RUN --mount=type=bind,from=alpine,target=/runtime --network=none mkdir -p /out/runtime/etc/ssl/certs \
 && for f in passwd group; do cat /runtime/etc/$f > /out/runtime/etc/$f 2>/dev/null || : > /out/runtime/etc/$f; done \
 && (cut -d: -f3 /out/runtime/etc/passwd | grep -qx 1000 || echo app:x:1000:1000:app:/:/sbin/nologin >> /out/runtime/etc/passwd) \
 && (cut -d: -f3 /out/runtime/etc/group | grep -qx 1000 || echo app:x:1000: >> /out/runtime/etc/group) \
 && (test -e /runtime/etc/ssl/certs/ca-certificates.crt || cp /etc/ssl/certs/ca-certificates.crt /out/runtime/etc/ssl/certs/ca-certificates.crt) \
 && find /out/runtime -exec touch -h -d @315532800 {} +

FROM alpine AS runtime
COPY --from=account /out/runtime/ /

FROM scratch AS sources
COPY ["Cargo.lock", "./"]
COPY ["cmd/cli/Cargo.lock", "cmd/cli/Cargo.toml", "cmd/cli/"]
COPY ["cmd/cli/src/main.rs", "cmd/cli/src/"]
COPY ["crates/other/Cargo.toml", "crates/other/"]

FROM cook AS build
COPY --from=sources / /src/
RUN --mount=type=cache,id=rust,from=cook,source=/incremental,target=/incremental --network=none cd /src/cmd/cli \
 && cargo update --workspace --offline \
 && cargo build --release --locked --offline --target "$(rustc -vV | sed -n 's/^host: //p')" --bin cli \
 && install -D /target/*/release/cli /out/image/usr/local/bin/cli \
 && strip /out/image/usr/local/bin/cli \
 && find /out/image -exec touch -h -d @315532800 {} +

FROM runtime AS image
COPY --from=build /out/image/ /
LABEL org.opencontainers.image.title="cli"
USER 1000:1000
ENTRYPOINT ["/usr/local/bin/cli"]
