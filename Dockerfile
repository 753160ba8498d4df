# The sync job's image, of what `make sync-static` built; see `make sync-image`.
FROM scratch
ARG BINARY
COPY ${BINARY} /local-registry-sync
USER 65532:65532
ENTRYPOINT ["/local-registry-sync"]
