# //cmd/api, made by bs. Build it in the root folder of the workspace:
#   buildctl build --frontend dockerfile.v0 --local context=. --local dockerfile=DIR \
#     --secret id=ca,src=/etc/ssl/certs/ca-certificates.crt --output type=oci,dest=image.tar

FROM docker.io/library/golang:1.24-alpine@sha256:0000000000000000000000000000000000000000000000000000000000000001 AS golang

FROM scratch AS modules-inputs
COPY ["go.mod", "go.sum", "./"]

FROM golang AS modules
ENV CGO_ENABLED="0"
ENV GOOS="linux"
ENV GOARCH="amd64"
ENV GOTOOLCHAIN="local"
ENV GOMODCACHE="/go/pkg/mod"
ENV GOCACHE="/go/cache"
WORKDIR /go/cache
WORKDIR /src
COPY --from=modules-inputs / /src/
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt go mod download \
 && go mod verify

FROM modules AS packages
RUN --mount=type=cache,id=go-packages,sharing=locked,target=/go/last --network=none cp -a /go/last/. /go/cache \
 && date +%s > /go/cache/trim.txt \
 && go build -buildvcs=false -trimpath -tags netgo -v archive/zip \
      compress/gzip \
      crypto/ed25519 \
      database/sql \
      embed \
      encoding/csv \
      encoding/json \
      encoding/xml \
      expvar \
      flag \
      hash/fnv \
      html/template \
      log/slog \
      mime/multipart \
      net/http \
      net/http/httputil \
      os/signal \
      regexp \
      text/template \
      example.com/zap \
      example.com/zap/core \
 && find /go/cache -type f -name '*-[ad]' -mtime +3650 -delete \
 && rm -rf /go/last/* \
 && cp -r /go/cache/. /go/last \
 && find /go/last -type f -exec touch -d 2000-01-01T00:00:00 {} + \
 && find /go/cache -type f -exec touch -d 2100-01-01T00:00:00 {} +

FROM scratch AS test-sources
COPY ["go.mod", "go.sum", "./"]
COPY ["cmd/api/main.go", "cmd/api/main_test.go", "cmd/api/"]
COPY ["common/log/log.go", "common/log/"]

FROM packages AS tests
COPY --from=test-sources / /src/
ENV CGO_ENABLED="0"
ENV GOOS="linux"
ENV GOARCH="amd64"
ENV GOTOOLCHAIN="local"
ENV GOMODCACHE="/go/pkg/mod"
ENV GOCACHE="/go/cache"
WORKDIR /src/cmd/api
RUN --mount=type=cache,id=go,from=packages,source=/go/cache,target=/go/cache --network=none mkdir -p /out/test /tmp && echo 'go test -json' > /out/test/form && echo 90 > /out/test/limit \
 && for attempt in $(seq 3); do out=/out/test/$attempt; mkdir -p $out; begin=$(date +%s); code=0; { timeout -s KILL 990 go test -json -count=1 -timeout 90s -buildvcs=false -trimpath -tags netgo -ldflags="-s -w -extldflags '-static'" /src/cmd/api; } > $out/log 2>&1 < /dev/null || code=$?; echo "$code $(($(date +%s) - begin))" > $out/end; if [ $(wc -c < $out/log) -gt 50331648 ]; then mv $out/log /tmp/log; { head -c 25165824 /tmp/log; echo; echo '[left out]'; tail -c 25165824 /tmp/log; } > $out/log; rm /tmp/log; fi; if [ $code = 0 ]; then break; fi; done

FROM scratch AS results
COPY --from=tests /out/test /
