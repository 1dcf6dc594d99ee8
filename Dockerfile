# The image of the sidecar: Python, its libraries and ours, CA certificates. No shell, no package manager, no pip.
# On a Mac with an ARM processor, for nodes that have another: docker build --platform linux/amd64 ...
ARG BASE=python:3.12-slim-trixie@sha256:a6e34c598f2467ed0e9a8d349809fcd8b5c603269512df273a0bb1784edc11b1

FROM ${BASE} AS build
WORKDIR /build

# Wheels only: a package that would have to be compiled stops the build instead of asking for a compiler. The lock is
# taken as it is; `pip check` says what it lacks.
COPY requirements/runtime.txt ./
RUN python -m venv --without-pip /app \
 && pip --python /app/bin/python install --no-cache-dir --disable-pip-version-check --no-compile \
      --only-binary=:all: --no-deps --require-hashes -r runtime.txt \
 && pip --python /app/bin/python check

# botocore answers two questions of `doctor`, both about STS: 26 MB about other services stay out of the image.
RUN find /app/lib/python3*/site-packages/botocore/data -mindepth 1 -maxdepth 1 \
      ! -name sts ! -name endpoints.json ! -name partitions.json ! -name sdk-default-configuration.json \
      ! -name _retry.json -exec rm -r {} + \
 && /app/bin/python -c "import botocore.session as b; b.get_session().create_client('sts', region_name='eu-west-1')"

# What lies under /app in the image: the base's Python, and what it is linked against.
COPY image/root.py ./
RUN python root.py /root-of-image /app

# The project needs no build: its package beside the libraries, and a script in place of theirs. -I: no variable of the
# pod (PYTHONPATH, PYTHONHOME) reaches this Python. -S: nor does a sitecustomize, and a probe starts in half the time.
COPY sidecar/ sidecar/
RUN cp -r sidecar /app/lib/python3*/site-packages/ \
 && find /app/bin -type f -delete \
 && printf '%s\n' '#!/app/bin/python -IBSu' 'import sys' \
      "sys.path.append('$(echo /app/lib/python3*/site-packages)')" \
      'from sidecar.cli import main' 'sys.exit(main())' > /app/bin/irsa-sidecar \
 && chmod 0755 /app/bin/irsa-sidecar

# Compiled here, for good: at run time nothing may be written, and a copied file's date decides nothing. -s takes the
# stage's path out of what is compiled.
RUN python -m compileall -q -j 0 --invalidation-mode unchecked-hash /app/lib \
 && python -m compileall -q -j 0 --invalidation-mode unchecked-hash -s /root-of-image /root-of-image


FROM scratch
COPY --from=build /root-of-image /
COPY --from=build /app /app
COPY LICENSE /app/
ENV PATH=/app/bin \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    MALLOC_TRIM_THRESHOLD_=131072

# A number, because the kubelet cannot tell of a name that it is not root's.
USER 65532:65532
WORKDIR /

# In the image itself, for each architecture: what is missing in it shows now.
RUN ["irsa-sidecar", "version"]

EXPOSE 9912
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["irsa-sidecar", "healthcheck"]

# Started as it is, the image serves. The command is apart from it so that `args: [doctor]` replaces it.
ENTRYPOINT ["irsa-sidecar"]
CMD ["serve"]

ARG BASE
ARG VERSION=0.2.0
ARG REVISION=""
ARG SOURCE=""
LABEL org.opencontainers.image.title="irsa-sidecar" \
      org.opencontainers.image.description="Serves a pod's IRSA credentials to programs whose AWS SDK cannot fetch them." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.base.name="${BASE}"
