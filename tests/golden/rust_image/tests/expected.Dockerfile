# //cmd/cli, made by bs. Build it in the root folder of the workspace:
#   buildctl build --frontend dockerfile.v0 --local context=. --local dockerfile=DIR \
#     --secret id=ca,src=/etc/ssl/certs/ca-certificates.crt --output type=oci,dest=image.tar

FROM docker.io/library/rust:1.85-alpine@sha256:0000000000000000000000000000000000000000000000000000000000000004 AS rust

FROM rust AS chef
ENV CARGO_HOME="/cargo"
ENV CARGO_TARGET_DIR="/target"
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt if command -v apk > /dev/null; then apk add --no-cache musl-dev; fi \
 && CARGO_PROFILE_DEV_DEBUG=false cargo install cargo-chef --debug --version 0.1.72 --locked --root /usr/local \
 && rm -rf /cargo/registry /cargo/git /target

FROM scratch AS recipe-inputs
COPY ["cmd/cli/Cargo.lock", "cmd/cli/Cargo.toml", "cmd/cli/"]
COPY ["cmd/cli/src/main.rs", "cmd/cli/src/"]
COPY ["cmd/cli/tests/it.rs", "cmd/cli/tests/"]

FROM chef AS recipe
WORKDIR /src/cmd/cli
COPY --from=recipe-inputs / /src/
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt cargo chef prepare --recipe-path /recipe.json

FROM chef AS test-cook
ENV CARGO_PROFILE_DEV_DEBUG="false"
ENV CARGO_PROFILE_TEST_DEBUG="false"
ENV CARGO_INCREMENTAL="0"
ENV RUSTFLAGS="-C target-feature=+crt-static -C link-arg=-s --remap-path-prefix=/cargo/registry/src=/crates --remap-path-prefix=/src=/workspace"
WORKDIR /src/cmd/cli
COPY --from=recipe /recipe.json /recipe.json
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt cargo chef cook --tests --locked --target "$(rustc -vV | sed -n 's/^host: //p')" --recipe-path /recipe.json

FROM scratch AS test-sources
COPY ["cmd/cli/Cargo.lock", "cmd/cli/Cargo.toml", "cmd/cli/"]
COPY ["cmd/cli/src/main.rs", "cmd/cli/src/"]
COPY ["cmd/cli/tests/it.rs", "cmd/cli/tests/"]

FROM test-cook AS tests
COPY --from=test-sources / /src/
WORKDIR /src/cmd/cli
RUN --network=none mkdir -p /out/test /tmp && echo 'cargo test' > /out/test/form && echo 300 > /out/test/limit \
 && for attempt in $(seq 1); do out=/out/test/$attempt; mkdir -p $out; begin=$(date +%s); code=0; { cargo test --locked --offline --target "$(rustc -vV | sed -n 's/^host: //p')" --no-run && begin=$(date +%s) && timeout -s KILL 300 cargo test --locked --offline --target "$(rustc -vV | sed -n 's/^host: //p')" --no-fail-fast; } > $out/log 2>&1 < /dev/null || code=$?; echo "$code $(($(date +%s) - begin))" > $out/end; if [ $(wc -c < $out/log) -gt 50331648 ]; then mv $out/log /tmp/log; { head -c 25165824 /tmp/log; echo; echo '[left out]'; tail -c 25165824 /tmp/log; } > $out/log; rm /tmp/log; fi; if [ $code = 0 ]; then break; fi; done

FROM scratch AS results
COPY --from=tests /out/test /
