# Needs make and one Python 3.12 or newer; everything else is fetched into .venv and .tools. `make help` lists the targets.

.DEFAULT_GOAL := help
.PHONY: help up test lint types check browser tryton sdk conformance storm pushes deliveries bench ci clean

PYTEST := .venv/bin/pytest
PARALLEL ?= -n 2 --dist loadfile
READY := .venv/.ready

help: ## list the targets
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 10

up: $(READY) ## portal, worker, sandbox and demo data on 127.0.0.1:8000; PORT= changes it, Ctrl-C stops it all
	@exec .venv/bin/python manage.py up

test: $(READY) ## every test that needs no outside service
	$(PYTEST) -m "not browser and not tryton and not sdk and not conformance and not storm" $(PARALLEL)

browser: $(READY) ## the pages in real Chromium
	$(PYTEST) -m browser tests/browser

tryton: $(READY) ## against a real Tryton server, which it installs and starts
	$(PYTEST) -m tryton tests/tryton

sdk: $(READY) ## the running server under the official SDKs, which it installs
	$(PYTEST) -m sdk tests/sdk

conformance: $(READY) ## thousands of generated requests, against our own document and the vendor's (CONTRACTS= says where that lies)
	$(PYTEST) -m conformance tests/conformance

storm: $(READY) ## kill workers for minutes, on SQLite, PostgreSQL and Redis; prints stuck, lost, duplicated
	$(PYTEST) -m storm -s tests/storm/test_storm.py tests/portal/alerting -k "not five_thousand and not hundred_kills_on_postgresql"

pushes: $(READY) ## 300 pushes under kills, on SQLite, PostgreSQL and Redis, and a thousand writes that meet reads; half an hour
	$(PYTEST) -m storm -s tests/storm/test_push_storm.py tests/pushops

deliveries: $(READY) ## 5,000 webhook deliveries under 100 kills, on SQLite and PostgreSQL; half an hour
	$(PYTEST) -m storm -s tests/portal/alerting

bench: $(READY) ## time full, unchanged and incremental reads beside a bare loop
	.venv/bin/python -m bench.reading

lint: $(READY) ## style, formatting, and which package may import which
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/lint-imports --no-cache

types: $(READY) ## mypy, strict for syncengine
	.venv/bin/mypy portal syncengine customdata pushops

check: $(READY) ## the deployment check, and that no migration is missing
	HEADRACE_HTTPS=1 .venv/bin/python manage.py check --deploy --fail-level WARNING
	.venv/bin/python manage.py makemigrations --check --dry-run

ci: ## all of it, as the build does
	bash .ci/run

clean: ## forget the environment and the tools; the data in var stays
	rm -rf .venv .tools .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# The environment of uv.lock. Without uv, pip fetches it into .tools with the newest Python at hand.
$(READY): uv.lock pyproject.toml
	@set -e; uv=$$(command -v uv || echo .tools/uv/bin/uv); \
	if ! $$uv --version >/dev/null 2>&1; then \
		for python in python3.14 python3.13 python3.12 python3 python3.11 python3.10; do \
			if command -v $$python >/dev/null && $$python -m venv .tools/uv && .tools/uv/bin/pip install -q uv; then break; fi; \
		done; \
		uv=.tools/uv/bin/uv; \
	fi; \
	python=$$($$uv python find --no-project --no-python-downloads 3.13 2>/dev/null \
		|| $$uv python find --no-project --no-python-downloads '>=3.12' 2>/dev/null || echo 3.13); \
	$$uv sync --frozen --quiet --python "$$python"
	@touch $(READY)
