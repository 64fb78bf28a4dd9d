ARG BASE_IMAGE=docker.io/library/python:3.13-slim
FROM ${BASE_IMAGE} AS build
COPY requirements.txt /src/
RUN python3 -m venv /app && /app/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /src/requirements.txt
COPY pyproject.toml README.md LICENSE /src/
COPY assay /src/assay
COPY connectors /src/connectors
COPY db /src/db
COPY migrations /src/migrations
COPY sandbox /src/sandbox
COPY scoring /src/scoring
RUN python3 -m venv /tmp/build && /tmp/build/bin/pip install --no-cache-dir --disable-pip-version-check hatchling \
 && (cd /src && /tmp/build/bin/hatchling build -t wheel -d /tmp/wheel) \
 && /app/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps /tmp/wheel/*.whl

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="Assay" \
      org.opencontainers.image.description="Weighs each account's potential against the selling time it gets" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /app /app
ENV PATH=/app/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ASSAY_DATABASE__URL=sqlite:////data/assay.db
USER 65532:65532
WORKDIR /data
VOLUME /data
ENTRYPOINT ["assay"]
CMD ["run"]
