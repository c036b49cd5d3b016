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

FROM scratch AS requirements-inputs
COPY ["cmd/agent/base.txt", "cmd/agent/requirements.txt", "cmd/agent/"]

FROM python-build AS requirements-build
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt if command -v apk > /dev/null; then apk add --no-cache gcc musl-dev libffi-dev openssl-dev; elif ! command -v gcc > /dev/null; then apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev libffi-dev libssl-dev; fi
RUN --network=none python3 -m venv --without-pip /opt/venv
COPY --from=requirements-inputs / /src/
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt python3 -m pip --python /opt/venv/bin/python install --no-cache-dir --no-compile --disable-pip-version-check --root-user-action=ignore -r /src/cmd/agent/requirements.txt \
 && /opt/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/venv

FROM runtime AS requirements
COPY --from=requirements-build /opt/venv /opt/venv

FROM scratch AS test-requirements-inputs
COPY ["cmd/agent/requirements-dev.txt", "cmd/agent/"]

FROM python-build AS test-requirements-build
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt if command -v apk > /dev/null; then apk add --no-cache gcc musl-dev libffi-dev openssl-dev; elif ! command -v gcc > /dev/null; then apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev libffi-dev libssl-dev; fi
COPY --from=requirements /opt/venv /opt/venv
COPY --from=test-requirements-inputs / /src/
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt python3 -m pip --python /opt/venv/bin/python install --no-cache-dir --no-compile --disable-pip-version-check --root-user-action=ignore -r /src/cmd/agent/requirements-dev.txt \
 && (/opt/venv/bin/python -c 'import pytest' 2> /dev/null || python3 -m pip --python /opt/venv/bin/python install --no-cache-dir --no-compile --disable-pip-version-check --root-user-action=ignore pytest==9.0.2)

FROM requirements AS test-requirements
COPY --from=test-requirements-build /opt/venv /opt/venv

FROM scratch AS test-sources
COPY ["cmd/agent/pyproject.toml", "cmd/agent/"]
COPY ["cmd/agent/agent/__init__.py", "cmd/agent/agent/__main__.py", "cmd/agent/agent/"]
COPY ["cmd/agent/tests/test_agent.py", "cmd/agent/tests/"]

FROM test-requirements AS tests
COPY --from=test-sources / /src/
WORKDIR /src/cmd/agent
ENV PYTHONPATH="/src/cmd/agent:/src"
ENV PYTHONUNBUFFERED="1"
ENV PYTHONDONTWRITEBYTECODE="1"
RUN --network=none mkdir -p /out/test /tmp && echo 'junit' > /out/test/form && echo 300 > /out/test/limit \
 && for attempt in $(seq 1); do out=/out/test/$attempt; mkdir -p $out; begin=$(date +%s); code=0; { timeout -s KILL 300 /opt/venv/bin/python -m pytest --junitxml=$out/junit.xml; } > $out/log 2>&1 < /dev/null || code=$?; echo "$code $(($(date +%s) - begin))" > $out/end; if [ $(wc -c < $out/log) -gt 50331648 ]; then mv $out/log /tmp/log; { head -c 25165824 /tmp/log; echo; echo '[left out]'; tail -c 25165824 /tmp/log; } > $out/log; rm /tmp/log; fi; if [ $code = 0 ]; then break; fi; done

FROM scratch AS results
COPY --from=tests /out/test /
