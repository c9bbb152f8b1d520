# The static binary of kolk, and nothing else.
FROM golang:1.27 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -o /out/kolk ./cmd/kolk && mkdir /out/state

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/kolk /kolk
# The state of an instance: give each one a volume of its own.
COPY --from=build --chown=65532:65532 /out/state /state
USER 65532:65532
ENV KOLK_STATE_DIR=/state
VOLUME /state
ENTRYPOINT ["/kolk"]
