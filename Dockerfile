# The image of the sidecar. Build it with a digest to get the same bytes again:
#   docker build --build-arg BASE=python:3.12-slim@sha256:... -t irsa-sidecar:0.1.0 .
ARG BASE=python:3.12-slim

FROM ${BASE} AS build
WORKDIR /build

# Wheels only: a package that would have to be compiled stops the build instead of asking for a compiler.
COPY requirements/runtime.txt ./
RUN python -m venv --without-pip /app \
 && pip --python /app/bin/python install --no-cache-dir --disable-pip-version-check --no-compile \
      --only-binary=:all: --require-hashes -r runtime.txt

# botocore answers two questions of `doctor`, both about STS: 26 MB about other services stay out of the image.
RUN find /app/lib/python3*/site-packages/botocore/data -mindepth 1 -maxdepth 1 \
      ! -name sts ! -name endpoints.json ! -name partitions.json ! -name sdk-default-configuration.json \
      ! -name _retry.json -exec rm -r {} + \
 && /app/bin/python -c "import botocore.session as b; b.get_session().create_client('sts', region_name='eu-west-1')"

# The project needs no build: its package beside the libraries, and the script that pip would write.
COPY sidecar/ sidecar/
RUN cp -r sidecar /app/lib/python3*/site-packages/ \
 && printf '%s\n' '#!/app/bin/python' 'import sys' 'from sidecar.cli import main' 'sys.exit(main())' \
      > /app/bin/irsa-sidecar \
 && chmod 0755 /app/bin/irsa-sidecar

# Compiled here, for good: at run time nothing may be written, and a copied file's date decides nothing.
RUN /app/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /app/lib \
 && /app/bin/irsa-sidecar version


FROM ${BASE}
COPY LICENSE /app/
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

# A number, because the kubelet cannot tell of a name that it is not root's.
USER 65532:65532
WORKDIR /

EXPOSE 9912
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["irsa-sidecar", "healthcheck"]
ENTRYPOINT ["irsa-sidecar"]
CMD ["serve"]
