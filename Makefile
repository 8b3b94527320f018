# The notebooks are the pipeline; these are its commands. `make` alone lists them.

CASE = vendor_dispatch
SET =
DATA =
TARGET =
BENCH = speed
PYTHON =
ARGS =

BIN = .venv/bin
MLKIT = $(BIN)/mlkit
overrides = $(foreach pair,$(SET),--set '$(pair)')
# Jupyter refuses to run as root unless told; in a container there is nobody else.
as_root = $(if $(filter 0,$(shell id -u)),--allow-root)
# In the order of tests/conftest.py, which has the long files begin first.
side_by_side = -n 2 --dist loadfile --no-loadscope-reorder

PYTHONS = $(or $(PYTHON),python3.13 python3.12 python3.11 python3 python)
FITS = import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))
COMPLETE = import ensurepip; $(FITS)

.DEFAULT_GOAL = help
.PHONY: help setup new retrain data train evaluate explain drift monitor lab reports doctor \
        test coverage check format bench docs lock evidently clean again

help: ## List the targets
	@echo "make <target> [CASE=$(CASE)] [SET=\"key=value key=value\"]"
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' Makefile

setup: .venv/.ready ## Build .venv from the lock file; PYTHON=python3.12 picks a Python

new: .venv/.ready ## Look at a table, write params/CASE.yaml: CASE= DATA= TARGET=
	$(MLKIT) new '$(CASE)' --data '$(DATA)' --target '$(TARGET)'

retrain: .venv/.ready ## Train, evaluate, decide about a new version, write the reports
	$(MLKIT) retrain $(CASE) $(overrides)

data: .venv/.ready ## Profile and check the data of a case
	$(MLKIT) run data $(CASE) $(overrides)

train: .venv/.ready ## Train a draft of a case; nothing is registered
	$(MLKIT) run train $(CASE) $(overrides)

evaluate: .venv/.ready ## Evaluate the draft of a case
	$(MLKIT) run evaluate $(CASE) $(overrides)

explain: .venv/.ready ## Explain the draft of a case, or its version in production
	$(MLKIT) run explain $(CASE) $(overrides)

drift: .venv/.ready ## Compare DATA= with what the version in production learned from
	$(MLKIT) drift $(CASE) $(if $(DATA),--data '$(DATA)') $(overrides)

monitor: .venv/.ready ## Watch the version in production; DATA= is a file of outcomes
	$(MLKIT) monitor $(CASE) $(if $(DATA),--data '$(DATA)') $(overrides)

lab: .venv/.ready ## Open JupyterLab on the notebooks; ARGS= goes to Jupyter
	PATH="$(CURDIR)/$(BIN):$$PATH" PYTHONPATH="$(CURDIR)" $(BIN)/jupyter lab $(as_root) \
	    --LabApp.default_url=/lab/tree/notebooks $(ARGS)

reports: .venv/.ready ## Write reports/index.html anew
	$(MLKIT) reports

doctor: .venv/.ready ## Say what of the environment is missing or odd
	$(MLKIT) doctor

test: .venv/.ready ## Run all tests; ARGS= goes to pytest
	$(BIN)/python -m pytest $(side_by_side) $(ARGS)

coverage: .venv/.ready ## Run all tests, which takes longer, and print their coverage
	$(BIN)/python -m pytest $(side_by_side) --cov=mlkit --cov-report=term:skip-covered \
	    $(ARGS)

check: .venv/.ready ## Lint, formatting and types, as CI does
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy mlkit bootstrap.py

format: .venv/.ready ## Format the code and the notebooks
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/.ready ## Measure BENCH=, the name of a file in benchmarks/; ARGS= goes to it
	$(BIN)/python benchmarks/$(BENCH).py $(ARGS)

docs: .venv/.ready ## Write the schema and the reference of params anew
	$(MLKIT) params schema
	$(MLKIT) params reference

lock: ## Resolve requirements.lock for pyproject.toml; UPGRADE=1 takes the newest
	@test -x $(BIN)/uv || { echo "run make setup first" >&2; exit 1; }
	$(BIN)/uv pip compile pyproject.toml --quiet --output-file requirements.lock \
	    --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
	    --extra boosting --extra dask --extra notify --extra postgres --extra sketches \
	    --group dev --group setup \
	    --no-emit-index-url --annotation-style line \
	    --custom-compile-command "make lock" \
	    $(if $(UPGRADE),--upgrade)
	$(BIN)/uv pip compile requirements-evidently.in --quiet \
	    --output-file requirements-evidently.lock \
	    --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --annotation-style line --custom-compile-command "make lock" \
	    $(if $(UPGRADE),--upgrade)

evidently: .evidently/.ready ## Build the environment of its own that Evidently needs

clean: ## Remove caches; reports, registry, data and .venv stay
	rm -rf .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name .venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# Evidently needs an older pandas than mlkit, so the two never share an environment. The
# lock names all there is to install; pip would miss the hash of a dependency's extra.
.evidently/.ready: requirements-evidently.lock | .venv/.ready
	rm -rf .evidently
	$(BIN)/python -m venv .evidently
	.evidently/bin/python -m pip install --quiet --disable-pip-version-check \
	    --no-input --no-deps --require-hashes -r requirements-evidently.lock
	touch .evidently/.ready

# A copy of an environment in another folder still points to the first one.
ifneq ($(shell head -n 1 .venv/.ready 2>/dev/null),$(shell pwd -P))
.venv/.ready: again
endif

# Python 3.11 to 3.13, with the module ensurepip if any has it.
.venv/.ready: requirements.lock pyproject.toml bootstrap.py
	@for fits in '$(COMPLETE)' '$(FITS)'; do for python in $(PYTHONS); do \
	    if "$$python" -I -c "$$fits" 2>/dev/null; then \
	        exec "$$python" -I bootstrap.py; fi; done; done; \
	echo "mlkit needs Python 3.11, 3.12 or 3.13; none of these is one that runs:" \
	    "$(PYTHONS). Install one, or name it: make setup PYTHON=/path/to/python3.12" >&2; \
	exit 1
