# One image for every process of tidings: `tidings <verb>`.
# Pinned by exact version tag. Pin the digest too where a registry can be asked: tag@sha256:...
FROM python:3.13.14-slim-trixie AS base

FROM base AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /build && python -m venv --without-pip /opt/tidings
COPY requirements/run.txt requirements/dev.txt requirements/
# Wheels only, each checked against the lock: no code of a dependency runs while the image is built.
RUN /build/bin/pip --python /opt/tidings/bin/python install --require-hashes --only-binary :all: -r requirements/run.txt
# The build backend comes from the development lock, with its hashes: of that lock only the entries of hatchling and its needs.
RUN sed -n '/^\(hatchling\|packaging\|pathspec\|pluggy\|tomlkit\|trove-classifiers\)==/,/[^\\]$/p' requirements/dev.txt > build.txt \
    && /build/bin/pip install --require-hashes --only-binary :all: -r build.txt
COPY pyproject.toml README.md LICENSE* ./
COPY schemas schemas
COPY streams streams
COPY connectors connectors
COPY ops ops
RUN /build/bin/pip wheel --no-deps --no-index --no-build-isolation --wheel-dir dist . \
    && /build/bin/pip --python /opt/tidings/bin/python install --no-deps --no-index dist/*.whl

FROM base
LABEL org.opencontainers.image.title="tidings" \
      org.opencontainers.image.description="A self-hosted notification service on Kafka" \
      org.opencontainers.image.licenses="Apache-2.0"
# A fixed number, so that a volume's owner and a cluster's policy can name it. libpq wants the user to have a name.
RUN groupadd --gid 10001 tidings \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin tidings \
    && install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/tidings
COPY --from=build /opt/tidings /opt/tidings
COPY ops/catalogue /etc/tidings/catalogue
ENV PATH=/opt/tidings/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    TIDINGS_CATALOGUE=/etc/tidings/catalogue
USER 10001:10001
# With /var/lib/tidings (TIDINGS_STATE_FOLDER of a router) the only place a process writes to: the root can be read-only.
WORKDIR /tmp
EXPOSE 8080 9400
ENTRYPOINT ["tidings"]
