# The hook server, and what downloads models. `docker build -t aim-hooks:dev .` and
# `docker build --target downloader -t aim-downloader:dev .`
FROM python:3.11.14-slim-bookworm AS build
WORKDIR /src
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# Two environments: one that builds the project, of which nothing stays, and the one that runs it.
COPY requirements-dev.lock requirements.lock ./
RUN python -m venv /build && /build/bin/pip install --no-deps --require-hashes --requirement requirements-dev.lock \
    && /build/bin/pip check
RUN python -m venv --without-pip /opt/aim \
    && /build/bin/pip --python /opt/aim/bin/python install --no-deps --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY aimlib aimlib
COPY hooks hooks
COPY recipes recipes
RUN /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /build/bin/pip --python /opt/aim/bin/python install --no-deps --no-index /wheels/*.whl \
    && /build/bin/pip --python /opt/aim/bin/python check
COPY tests/tools/sbom.py tests/tools/licenses.yaml tests/tools/
RUN /build/bin/python tests/tools/sbom.py /sbom --image=aim-hooks

FROM build AS build-downloader
COPY requirements-download.lock ./
RUN python -m venv --without-pip /opt/aim-download \
    && /build/bin/pip --python /opt/aim-download/bin/python install --no-deps --require-hashes --requirement requirements-download.lock \
    && /build/bin/pip --python /opt/aim-download/bin/python install --no-deps --no-index /wheels/*.whl \
    && /build/bin/pip --python /opt/aim-download/bin/python check
RUN /build/bin/python tests/tools/sbom.py /sbom --image=aim-downloader

# Needs no other place to write to than the volume and /tmp: HOME=/tmp where the root file system is read-only.
FROM python:3.11.14-slim-bookworm AS downloader
COPY --from=build-downloader /opt/aim-download /opt/aim-download
COPY --from=build-downloader /sbom/aim-downloader.cdx.json /usr/share/sbom/
ENV PATH=/opt/aim-download/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
USER 65532:65532
ENTRYPOINT ["aim"]

FROM python:3.11.14-slim-bookworm
COPY --from=build /opt/aim /opt/aim
COPY --from=build /sbom/aim-hooks.cdx.json /usr/share/sbom/
ENV PATH=/opt/aim/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
EXPOSE 8443 9443
CMD ["gunicorn", "--config", "python:hooks.server.gunicorn_conf", "hooks.server.app:create_app()"]
