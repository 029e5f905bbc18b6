FROM python:3.13-slim AS build
RUN pip install --no-cache-dir uv
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
WORKDIR /app
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-dev
COPY . .
RUN .venv/bin/python -m compileall -q portal syncengine customdata pushops

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /app headrace \
    && install -d -o headrace -g headrace /var/lib/headrace
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 HEADRACE_VAR=/var/lib/headrace
USER headrace
EXPOSE 8000
STOPSIGNAL SIGTERM
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", \
     "--blocking-threads", "4", "--no-ws", "--workers-kill-timeout", "10", "portal.served:application"]
