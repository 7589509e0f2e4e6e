# MinIO, compiled from its last release: its authors publish no images of it any more. The version is the one that the
# tests run against. Needs nothing of this repository:
#   docker build -t lectern-minio - < deploy/minio.Dockerfile

FROM golang:1.26-alpine AS build
ARG MINIO=v0.0.0-20260212201848-7aac2a2c5b7c
RUN CGO_ENABLED=0 GOBIN=/opt go install -trimpath -ldflags='-s -w' github.com/minio/minio@${MINIO}

FROM alpine:3.22
# Folders that it would make at its start, on a file system that may be read-only then.
RUN adduser -S -D -u 10002 -h /home/minio minio \
    && install -d -o 10002 -g 10002 -m 0700 /data /home/minio/.minio /home/minio/.minio/certs /home/minio/.minio/certs/CAs
COPY --from=build /opt/minio /usr/local/bin/minio
ENV HOME=/home/minio MINIO_BROWSER=off MINIO_UPDATE=off MINIO_CALLHOME_ENABLE=off
USER 10002:10002
EXPOSE 9000
VOLUME /data
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
    CMD ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:9000/minio/health/ready"]
ENTRYPOINT ["minio"]
CMD ["server", "/data", "--address", ":9000"]
