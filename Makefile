.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
UV := .venv/bin/uv
BIN := .venv/bin
export UV_PROJECT_ENVIRONMENT := $(CURDIR)/.venv
# Modules are kept compiled, whatever the shell says: starting a service or collecting the tests takes half the time.
export UV_COMPILE_BYTECODE := 1
export PYTHONDONTWRITEBYTECODE :=

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/.ready ## Make the environment from the lock file (needs Python 3.11 and make only)

.venv/.ready: uv.lock pyproject.toml sdk/pyproject.toml
	@test -x $(UV) || $(PYTHON) -m venv .venv || { echo "Python 3.11+ with venv is needed (Debian: apt install python3-venv)"; exit 1; }
	@test -x $(UV) || $(BIN)/pip install --quiet --disable-pip-version-check uv==0.13.9
	$(UV) sync --frozen --inexact --all-packages --python $(BIN)/python
	@touch .venv/.ready

run: setup ## Set up and start everything on the embedded default; Ctrl-C stops it
	@exec $(BIN)/atlas up

demo: setup ## Send the sample app's errors to the running Atlas
	@$(BIN)/atlas demo

test: fast servers ## Set up and pass all tests, on real servers where the machine can have them
	$(BIN)/python -m pytest -m "live or slow"

servers: setup
	@if [ "$(CI)" = "true" ]; then $(BIN)/python -m tests.servers.install; fi

check: lint fast ## Format, lint, types, imports and the fast tests: what to run before a commit

lint: setup ## Format, lint, types and imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fast: setup ## The tests that need no more than PostgreSQL, side by side
	$(BIN)/python -m pytest -q -n auto --dist worksteal -p no:nbval -m "not live and not slow"

live: setup ## Install and start Kafka, RabbitMQ and Ollama natively; print what to export
	$(BIN)/python -m tests.servers.install
	$(BIN)/python -m tests.servers.run kafka rabbitmq ollama

e2e: setup ## Only the end-to-end stories
	$(BIN)/python -m pytest tests/e2e

bench: setup ## Print README's figures, each beside the bare limit of the same run: takes an hour
	$(BIN)/python -m tests.servers.install kafka
	for name in pipeline ingest digest sdk grouping rules; do $(BIN)/python -m benchmarks.$$name || exit 1; done
	$(BIN)/python -m benchmarks.lists --folder .atlas-bench
	$(BIN)/python -m benchmarks.regrouping --folder .atlas-bench

lab: setup ## Open the notebooks in JupyterLab
	$(BIN)/jupyter lab --notebook-dir notebooks

page: setup ## Stamp a dashboard page: make page NAME=releases
	@$(BIN)/python -m dashboards.new_page $(NAME)

.PHONY: help setup run demo test servers check lint fast live e2e bench lab page
