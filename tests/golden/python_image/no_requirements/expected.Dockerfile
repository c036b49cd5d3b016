# //cmd/agent, made by bs. Build it in the root folder of the workspace:
#   buildctl build --frontend dockerfile.v0 --local context=. --local dockerfile=DIR \
#     --secret id=ca,src=/etc/ssl/certs/ca-certificates.crt --output type=oci,dest=image.tar

FROM docker.io/library/python:3.13-alpine@sha256:0000000000000000000000000000000000000000000000000000000000000003 AS python

FROM docker.io/library/python:3.13-alpine@sha256:0000000000000000000000000000000000000000000000000000000000000002 AS python-build

FROM python-build AS account
RUN --mount=type=bind,from=python,target=/runtime --network=none mkdir -p /account/etc/ssl/certs \
 && for f in passwd group; do cat /runtime/etc/$f > /account/etc/$f 2>/dev/null || : > /account/etc/$f; done \
 && (cut -d: -f3 /account/etc/passwd | grep -qx 1000 || echo app:x:1000:1000:app:/:/sbin/nologin >> /account/etc/passwd) \
 && (cut -d: -f3 /account/etc/group | grep -qx 1000 || echo app:x:1000: >> /account/etc/group) \
 && (test -e /runtime/etc/ssl/certs/ca-certificates.crt || cp /etc/ssl/certs/ca-certificates.crt /account/etc/ssl/certs/ca-certificates.crt)

FROM python AS runtime
COPY --from=account /account/ /

FROM scratch AS sources
COPY ["cmd/agent/agent/__init__.py", "cmd/agent/agent/__main__.py", "cmd/agent/agent/"]

FROM python AS build
COPY --from=sources / /out/image/src/
RUN --network=none python3 -m compileall -q --invalidation-mode unchecked-hash -s /out/image -p / /out/image/src \
 && find /out/image -exec touch -h -d @315532800 {} +

FROM runtime AS image
COPY --from=build /out/image/ /
WORKDIR /src/cmd/agent
ENV PYTHONPATH="/src/cmd/agent:/src"
ENV PYTHONUNBUFFERED="1"
ENV PYTHONDONTWRITEBYTECODE="1"
LABEL org.opencontainers.image.title="agent"
USER 1000:1000
ENTRYPOINT ["python3", "-m", "agent"]
