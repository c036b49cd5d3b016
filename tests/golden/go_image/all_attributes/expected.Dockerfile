# //cmd/api, made by bs. Build it in the root folder of the workspace:
#   buildctl build --frontend dockerfile.v0 --local context=. --local dockerfile=DIR \
#     --secret id=ca,src=/etc/ssl/certs/ca-certificates.crt --output type=oci,dest=image.tar

FROM docker.io/library/alpine:3.22@sha256:0000000000000000000000000000000000000000000000000000000000000005 AS alpine

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

FROM golang AS account
RUN --mount=type=bind,from=alpine,target=/runtime --network=none mkdir -p /out/runtime/etc/ssl/certs \
 && for f in passwd group; do cat /runtime/etc/$f > /out/runtime/etc/$f 2>/dev/null || : > /out/runtime/etc/$f; done \
 && (cut -d: -f3 /out/runtime/etc/passwd | grep -qx 2000 || echo app:x:2000:3000:app:/:/sbin/nologin >> /out/runtime/etc/passwd) \
 && (cut -d: -f3 /out/runtime/etc/group | grep -qx 3000 || echo app:x:3000: >> /out/runtime/etc/group) \
 && (test -e /runtime/etc/ssl/certs/ca-certificates.crt || cp /etc/ssl/certs/ca-certificates.crt /out/runtime/etc/ssl/certs/ca-certificates.crt) \
 && mkdir -p /out/runtime/data && chown 2000:3000 /out/runtime/data \
 && mkdir -p /out/runtime/var/lib/api && chown 2000:3000 /out/runtime/var/lib/api \
 && find /out/runtime -exec touch -h -d @315532800 {} +

FROM alpine AS runtime
COPY --from=account /out/runtime/ /

FROM scratch AS sources
COPY ["go.mod", "go.sum", "./"]
COPY ["cmd/api/main.go", "cmd/api/"]
COPY ["common/log/log.go", "common/log/"]

FROM packages AS build
ENV CGO_ENABLED="0"
ENV GOOS="linux"
ENV GOARCH="amd64"
ENV GOTOOLCHAIN="local"
ENV GOMODCACHE="/go/pkg/mod"
ENV GOCACHE="/go/cache"
COPY --from=sources / /src/
RUN --mount=type=cache,id=go,from=packages,source=/go/cache,target=/go/cache --network=none cd /src/cmd/api \
 && go build -buildvcs=false -trimpath -tags netgo -ldflags="-s -w -extldflags '-static'" -o /out/image/usr/local/bin/server . \
 && find /out/image -exec touch -h -d @315532800 {} +

FROM runtime AS image
COPY --from=build /out/image/ /
LABEL org.opencontainers.image.title="api"
ENV GREETING="say \"hi\" for \$5 \\ #"
ENV LOG_LEVEL="info"
ENV PORT="8081"
EXPOSE 8081
USER 2000:3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 CMD ["wget", "-q", "-O", "/dev/null", "http://localhost:8081/health"]
ENTRYPOINT ["/usr/local/bin/server"]
CMD ["serve", "--name=$HOME"]
