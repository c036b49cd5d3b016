# //cmd/agent, made by bs. Build it in the root folder of the workspace:
#   buildctl build --frontend dockerfile.v0 --local context=. --local dockerfile=DIR \
#     --secret id=ca,src=/etc/ssl/certs/ca-certificates.crt --output type=oci,dest=image.tar

FROM docker.io/library/python:3.13-alpine@sha256:0000000000000000000000000000000000000000000000000000000000000003 AS python

FROM docker.io/library/python:3.13-alpine@sha256:0000000000000000000000000000000000000000000000000000000000000002 AS python-build

FROM python-build AS account
RUN --mount=type=bind,from=python,target=/runtime --network=none mkdir -p /out/runtime/etc/ssl/certs \
 && for f in passwd group; do cat /runtime/etc/$f > /out/runtime/etc/$f 2>/dev/null || : > /out/runtime/etc/$f; done \
 && (cut -d: -f3 /out/runtime/etc/passwd | grep -qx 1000 || echo app:x:1000:1000:app:/:/sbin/nologin >> /out/runtime/etc/passwd) \
 && (cut -d: -f3 /out/runtime/etc/group | grep -qx 1000 || echo app:x:1000: >> /out/runtime/etc/group) \
 && (test -e /runtime/etc/ssl/certs/ca-certificates.crt || cp /etc/ssl/certs/ca-certificates.crt /out/runtime/etc/ssl/certs/ca-certificates.crt) \
 && find /out/runtime -exec touch -h -d @315532800 {} +

FROM python AS runtime
COPY --from=account /out/runtime/ /

FROM scratch AS requirements-inputs
COPY ["cmd/agent/base.txt", "cmd/agent/requirements.txt", "cmd/agent/"]

FROM python-build AS requirements-build
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt if command -v apk > /dev/null; then apk add --no-cache gcc musl-dev libffi-dev openssl-dev; elif ! command -v gcc > /dev/null; then apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev libffi-dev libssl-dev; fi
COPY --from=requirements-inputs / /src/
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt python3 -m venv --without-pip /opt/venv \
 && python3 -m pip --python /opt/venv/bin/python install --no-cache-dir --no-compile --disable-pip-version-check --root-user-action=ignore -r /src/cmd/agent/requirements.txt \
 && mkdir -p /out/image/opt \
 && mv /opt/venv /out/image/opt/venv \
 && python3 -I -S - <<'END' \
 && find /out/image -exec touch -h -d @315532800 {} +
import marshal, os, sys
from importlib.util import MAGIC_NUMBER, cache_from_source, source_hash

def compiled(path):
    with open(path, "rb") as file:
        source = file.read()
    try:
        code = compile(source, path[len("/out/image"):], "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        sys.excepthook(type(error), error, None)
        return False
    cached = cache_from_source(path)
    os.makedirs(os.path.dirname(cached), exist_ok=True)
    with open(cached, "wb") as file:
        file.write(MAGIC_NUMBER + b"\1\0\0\0" + source_hash(source) + marshal.dumps(code))
    return True

paths = [os.path.join(top, name) for top, _, names in os.walk("/out/image") for name in names]
sources = [path for path in sorted(paths) if path.endswith(".py") and os.path.isfile(path)]

sys.excepthook = lambda *_: None
for path in sources:
    compiled(path)
END

FROM runtime AS requirements
COPY --from=requirements-build /out/image/ /

FROM scratch AS sources
COPY ["cmd/agent/agent/__init__.py", "cmd/agent/agent/__main__.py", "cmd/agent/agent/"]

FROM python AS build
COPY --from=sources / /out/image/src/
RUN --network=none python3 -I -S - <<'END' \
 && find /out/image -exec touch -h -d @315532800 {} +
import marshal, os, sys
from importlib.util import MAGIC_NUMBER, cache_from_source, source_hash

def compiled(path):
    with open(path, "rb") as file:
        source = file.read()
    try:
        code = compile(source, path[len("/out/image"):], "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        sys.excepthook(type(error), error, None)
        return False
    cached = cache_from_source(path)
    os.makedirs(os.path.dirname(cached), exist_ok=True)
    with open(cached, "wb") as file:
        file.write(MAGIC_NUMBER + b"\1\0\0\0" + source_hash(source) + marshal.dumps(code))
    return True

paths = [os.path.join(top, name) for top, _, names in os.walk("/out/image") for name in names]
sources = [path for path in sorted(paths) if path.endswith(".py") and os.path.isfile(path)]
sys.exit(not all([compiled(path) for path in sources]))
END

FROM requirements AS image
COPY --from=build /out/image/ /
WORKDIR /src/cmd/agent
ENV PYTHONPATH="/src/cmd/agent:/src"
ENV PYTHONUNBUFFERED="1"
ENV PYTHONDONTWRITEBYTECODE="1"
LABEL org.opencontainers.image.title="agent"
ENV PORT="8080"
EXPOSE 8080
USER 1000:1000
ENTRYPOINT ["/opt/venv/bin/python", "-m", "agent"]
