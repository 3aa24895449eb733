# Outrider's front door. Needs Python 3.11 or newer and make; everything else goes into .venv.
PYTHON ?= python3
BIN := .venv/bin
SDKS := .venv-sdk117/ready .venv-sdk116/ready
NODE := $(if $(shell command -v npm),.venv-node/ready)
PIP := pip install -q --disable-pip-version-check
LOCK := uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q
.DEFAULT_GOAL := help

.PHONY: help demo test fast check openapi fuzz weeks crash nightly bench quick lock clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: .venv/run ## Send one of every event to a local TLS receiver (ONCE=1: report and exit)
	$(BIN)/outrider demo $(if $(ONCE),--once)

test: .venv/dev $(SDKS) $(NODE) ## Run every test (those of the viewer need Chromium)
	$(BIN)/pytest

fast: .venv/dev ## Run the tests that need no second process
	$(BIN)/pytest -m "not slow"

check: .venv/dev ## Format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

openapi: .venv/run ## Write docs/openapi.json and openapi-3.0.json anew
	$(BIN)/python -m outrider.api.openapi > docs/openapi.json.new
	mv docs/openapi.json.new docs/openapi.json
	$(BIN)/python -m outrider.api.openapi 3.0 > docs/openapi-3.0.json.new
	mv docs/openapi-3.0.json.new docs/openapi-3.0.json

fuzz: .venv/dev ## 20,000 generated requests to the API, others every time
	SCHEMATHESIS_CASES=20000 SCHEMATHESIS_SEED=random $(BIN)/pytest -o timeout=3600 tests/openapi/test_schemathesis.py

weeks: .venv/dev ## 1,000 seeds of 7 simulated days each
	PYTHONPATH=tests $(BIN)/python -m sim.weeks --seeds 1000
	PYTHONPATH=tests $(BIN)/python -m sim.weeks --seeds 50 --store postgres

crash: .venv/dev ## 200 times kill -9 under load, and while objects change; order over 100,000 events
	for store in sqlite postgres; do \
		PYTHONPATH=tests $(BIN)/python -m crash.cycles --cycles 200 --store $$store && \
		PYTHONPATH=tests $(BIN)/python -m crash.objects --cycles 200 --store $$store && \
		PYTHONPATH=tests $(BIN)/python -m crash.order --events 100000 --store $$store || exit 1; \
	done

nightly: weeks ## The weeks, and 10,000 times kill -9
	PYTHONPATH=tests $(BIN)/python -m crash.cycles --cycles 10000

bench: .venv/dev ## Measure everything (about 25 minutes)
	PYTHONPATH=tests $(BIN)/python -m bench.run

quick: .venv/dev ## The same with small counts
	PYTHONPATH=tests $(BIN)/python -m bench.run --quick

lock: ## Pin the dependencies anew (needs uv)
	$(LOCK) pyproject.toml -o requirements/run.lock
	$(LOCK) --group build -o requirements/build.lock
	$(LOCK) --group dev pyproject.toml -o requirements/dev.lock
	$(LOCK) --group sdk-build -o requirements/sdk-build.lock
	$(LOCK) --group sdk117 -o requirements/sdk117.lock
	$(LOCK) --group sdk116 -o requirements/sdk116.lock

clean: ## Remove what make made
	rm -rf .venv .venv-sdk117 .venv-sdk116 .venv-node .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build dist

.venv/bin/pip:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Outrider needs Python 3.11 or newer")'
	$(PYTHON) -m venv .venv

.venv/run: .venv/bin/pip requirements/run.lock requirements/build.lock pyproject.toml
	$(BIN)/$(PIP) --require-hashes -r requirements/build.lock -r requirements/run.lock
	$(BIN)/$(PIP) --no-deps --no-build-isolation -e .
	touch $@

.venv/dev: .venv/run requirements/dev.lock
	$(BIN)/$(PIP) --require-hashes -r requirements/dev.lock
	touch $@

# One of what LoginRadius' SDK needs is published as source only; it is built with the setuptools that is pinned here.
.venv-sdk%/ready: requirements/sdk%.lock requirements/sdk-build.lock
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/$(PIP) --require-hashes -r requirements/sdk-build.lock
	$(@D)/bin/$(PIP) --require-hashes --no-build-isolation -r $<
	touch $@

.venv-node/ready: tests/clients/typescript/package.json tests/clients/typescript/package-lock.json
	mkdir -p $(@D)
	cp $^ $(@D)
	cd $(@D) && npm ci --silent --ignore-scripts --no-audit --no-fund
	touch $@
