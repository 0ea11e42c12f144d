# What people type here. `make help` lists it; every target is safe to repeat and leaves nothing running.
PYTHON ?= python3
BIN := .venv/bin
RUN := $(BIN)/python -m deploy.local
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all lint format types bench screenshots lock baseline clean-state
MAKEFLAGS += --no-print-directory
# Every process that a check or the demo starts would otherwise compile the whole portal anew.
unexport PYTHONDONTWRITEBYTECODE

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

setup: ## Bring this machine to where the portal can run (installs what is missing)
	@$(PYTHON) -m deploy.local.setup

demo: setup ## Start the portal with its demo shops; Ctrl-C stops everything
	@exec $(RUN).demo

test: setup-tests ## Run every check: style, types, imports, schema, tests (what CI runs)
	@exec $(RUN).checks

test-all: setup-tests ## The same, with accessibility in dark and at 360 px too
	@exec $(RUN).checks --all

lint: setup ## Check style, templates and which floor imports which
	@exec $(RUN).checks style

format: setup ## Put Python code into the house format and mend what ruff can mend
	@$(BIN)/ruff check --fix --quiet . ; exec $(BIN)/ruff format .

types: setup ## Check types, strictly
	@exec $(RUN).checks types

bench: setup ## Measure: make bench NAME=import-orders (without NAME: list them)
	@exec $(RUN).run bench -- $(BIN)/python -m bench $(NAME)

screenshots: setup-tests ## Take the pictures of the README and the guides
	@exec $(RUN).run demo -- $(BIN)/python -m docs.screenshots

lock: setup ## Write the locks anew from requirements*.in and package.json (versions and hashes, no addresses)
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header requirements.in -o requirements.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header requirements-dev.in -o requirements-dev.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header requirements-localstripe.in -o requirements-localstripe.txt
	@npm install --package-lock-only --ignore-scripts --no-audit --no-fund --loglevel error
	@$(RUN).vendor clean-lock

baseline: setup ## Write the baseline revision anew from the models (until the first release)
	@exec $(RUN).baseline

clean-state: ## Stop and delete the data of this checkout's demo and benches
	@$(PYTHON) -m deploy.local.clean

.PHONY: setup-tests
setup-tests:
	@$(PYTHON) -m deploy.local.setup --tests
