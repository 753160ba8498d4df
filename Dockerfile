# The images of this project, each with one static program: `make sync-image` and `make promote-image` collect their files, for
# the architecture of the machine that builds them. Images for amd64 and arm64 differ in the binary only.
FROM scratch AS base
ARG VERSION
ARG REVISION
ARG SOURCE
LABEL org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.licenses="Apache-2.0"
# Registries are called over HTTPS. If yours has its own certificate authority, mount a bundle that contains it, and set
# SSL_CERT_FILE to the bundle's path.
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY LICENSE /LICENSE
USER 65532:65532

FROM base AS local-registry-promote
LABEL org.opencontainers.image.title="local-registry-promote" \
      org.opencontainers.image.description="Promotes images by digest from a staging registry to the one that everyone pulls from"
COPY local-registry-promote /local-registry-promote
ENTRYPOINT ["/local-registry-promote"]

FROM base AS local-registry-sync
LABEL org.opencontainers.image.title="local-registry-sync" \
      org.opencontainers.image.description="Keeps the settings of the local-registry policy equal to what the cluster declares"
COPY local-registry-sync /local-registry-sync
ENTRYPOINT ["/local-registry-sync"]
