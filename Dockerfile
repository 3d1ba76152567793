# The images of all services, one for each:
#
#   docker build --target monolith -t monsplit/monolith:dev .
#   docker build --target catalog -t monsplit/catalog:dev .
#
# Neither BuildKit nor a syntax line is needed.

FROM golang:1.26.11 AS build
WORKDIR /src
# A module proxy of your own, if you need one.
ARG GOPROXY
# Modules have a layer of their own: a change of the code does not download them again.
COPY go.mod go.sum ./
RUN go mod download
COPY tools/sbom/ tools/sbom/
RUN CGO_ENABLED=0 go build -modfile=tools/sbom/go.mod -o /usr/local/bin/ github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod
COPY . .
ARG VERSION=dev
# A folder in services/ is a service.
RUN CGO_ENABLED=0 go build -trimpath -tags timetzdata \
    -ldflags "-s -w -X github.com/monsplit/monsplit/internal/telemetry.version=${VERSION}" \
    -o /out/ $(for service in services/*/; do echo "./cmd/$(basename "$service")"; done)
# The bill of materials of each binary: its modules and the standard library, with their versions, in CycloneDX.
RUN for binary in /out/*; do \
    cyclonedx-gomod bin -json -std -version "${VERSION}" -output "$binary.cdx.json" "$binary" || exit 1; done

# There is no shell and no package in the image: only the binary, which has the time zones in it, its bill of materials, and
# CA certificates.
FROM scratch AS service
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
USER 65532:65532
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.source="https://github.com/monsplit/monsplit" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"

FROM service AS monolith
LABEL org.opencontainers.image.title="monolith" \
      org.opencontainers.image.description="The old system: owns the products and serves the legacy API"
COPY --from=build /out/monolith /monolith
COPY --from=build /out/monolith.cdx.json /sbom.cdx.json
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["/monolith", "healthcheck"]
ENTRYPOINT ["/monolith"]
CMD ["serve"]

FROM service AS catalog
LABEL org.opencontainers.image.title="catalog" \
      org.opencontainers.image.description="The service that has taken over the catalog entries and the markets"
COPY --from=build /out/catalog /catalog
COPY --from=build /out/catalog.cdx.json /sbom.cdx.json
EXPOSE 8001
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["/catalog", "healthcheck"]
ENTRYPOINT ["/catalog"]
CMD ["serve"]
