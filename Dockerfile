# The sync job's image. `make sync-image` collects its files, for the architecture of the machine that builds it: images
# for amd64 and arm64 differ in the binary only.
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
# `check` calls registries over HTTPS. If your registry has its own certificate authority, mount a bundle that contains
# it, and set SSL_CERT_FILE to the bundle's path.
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY LICENSE /LICENSE
COPY local-registry-sync /local-registry-sync
USER 65532:65532
ENTRYPOINT ["/local-registry-sync"]
