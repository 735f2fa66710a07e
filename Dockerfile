# One image for every service, the dashboards and the jobs; docker-compose.yml says which it runs.
FROM python:3.11-slim AS build
ENV UV_PROJECT_ENVIRONMENT=/opt/atlas UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /src
COPY pyproject.toml uv.lock README.md LICENSE ./
COPY sdk sdk
# The dependencies are a layer of their own: a changed line of Atlas does not install them again.
RUN uv sync --frozen --no-dev --no-install-workspace
COPY atlas_core atlas_core
COPY services services
COPY dashboards dashboards
COPY data data
RUN uv sync --frozen --no-dev --no-editable

FROM python:3.11-slim
ENV PATH=/opt/atlas/bin:$PATH PYTHONUNBUFFERED=1 ATLAS_DATA_DIR=/var/lib/atlas
COPY --from=build /opt/atlas /opt/atlas
# The folders belong to the user, so that a new volume mounted there does too.
RUN useradd --system --uid 10001 --home-dir /var/lib/atlas --create-home atlas \
 && install -d -m 0700 -o atlas -g atlas /run/atlas /var/lib/atlas
USER atlas
WORKDIR /var/lib/atlas
CMD ["atlas", "--help"]
