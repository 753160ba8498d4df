# The sync job's image; `make sync-image` gathers what goes in. It is built for the machine's own architecture:
# amd64 and arm64 differ in nothing but the binary.
FROM scratch
ARG VERSION
ARG REVISION
ARG SOURCE
LABEL org.opencontainers.image.title="local-registry-sync" \
      org.opencontainers.image.description="Keeps the settings of the local-registry policy equal to what the cluster declares" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.licenses="Apache-2.0"
# `check` asks registries over HTTPS. For a registry with a certificate authority of its own, mount a bundle and
# name it in SSL_CERT_FILE.
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY LICENSE /LICENSE
COPY local-registry-sync /local-registry-sync
USER 65532:65532
ENTRYPOINT ["/local-registry-sync"]
