# Pin the base by digest in releases: --build-arg BASE_IMAGE=docker.io/library/python:3.13-slim@sha256:...
ARG BASE_IMAGE=docker.io/library/python:3.13-slim

FROM ${BASE_IMAGE} AS build
COPY requirements.txt requirements-build.txt /src/
RUN python3 -m venv --without-pip /app \
 && python3 -m venv /build \
 && /build/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --only-binary :all: \
      -r /src/requirements-build.txt \
 && /build/bin/pip --python /app/bin/python3 install --no-cache-dir --disable-pip-version-check --require-hashes \
      --only-binary :all: -r /src/requirements.txt
COPY pyproject.toml README.md LICENSE scheduler.py /src/
COPY assay /src/assay
COPY connectors /src/connectors
COPY db /src/db
COPY migrations /src/migrations
COPY sandbox /src/sandbox
COPY scoring /src/scoring
# the libraries' own tests are a tenth of the image
RUN cd /src && /build/bin/hatchling build -t wheel -d /wheel \
 && /build/bin/pip --python /app/bin/python3 install --no-cache-dir --disable-pip-version-check --no-deps /wheel/*.whl \
 && find /app/lib -type d -name tests -path '*/site-packages/[ns][uc][mi]p*' -prune -exec rm -rf {} + \
 && mkdir /data

FROM ${BASE_IMAGE}
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Assay" \
      org.opencontainers.image.description="Weighs each account's potential against the selling time it gets" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /app /app
COPY --from=build --chown=65532:65532 /data /data
ENV PATH=/app/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ASSAY_DATABASE__URL=sqlite:////data/assay.db \
    ASSAY_WEB__HOST=0.0.0.0
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=60s --timeout=10s --start-period=30s CMD ["assay", "serve", "--check"]
ENTRYPOINT ["assay"]
CMD ["serve"]
