# //app, made by bs. Build it in the root folder of the workspace:
#   buildctl build --frontend dockerfile.v0 --local context=. --local dockerfile=DIR \
#     --secret id=ca,src=/etc/ssl/certs/ca-certificates.crt --output type=oci,dest=image.tar

FROM docker.io/library/node@sha256:ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff AS node

FROM docker.io/library/slim@sha256:ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff AS slim

FROM scratch AS deps-files
COPY ["app/package-lock.json", "app/package.json", "app/"]

FROM scratch AS deps-inputs
COPY --from=deps-files /app/ /

FROM node AS deps
WORKDIR /app
COPY --from=deps-inputs package.json package-lock.json ./
RUN npm ci

FROM scratch AS stage-1-files
COPY ["app/package-lock.json", "app/package.json", "app/"]
COPY ["app/src/main.js", "app/src/"]

FROM scratch AS stage-1-inputs
COPY --from=stage-1-files /app/ /

FROM slim AS stage-1
COPY --from=deps /app/node_modules /app/node_modules
COPY --from=stage-1-inputs . /app
USER 1000:1000
