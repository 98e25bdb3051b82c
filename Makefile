# `make` alone lists the targets. Only git, make and Python 3.11 or newer are expected on the machine.
.DEFAULT_GOAL := help
.PHONY: help up install dev weights test test-slow lint format lock docs docs-serve bench screenshots clean

newest = for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done
PYTHON ?= $(or $(shell $(newest)),python3)
BIN := .venv/bin
jobs = $(or $(JOBS),$(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1))))
models := $(or $(GENAIOPS_TEST_MODELS),$(HOME)/.cache/genaiops-test/models)
COMPILE := $(BIN)/uv pip compile --no-config --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' $(UPGRADE)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: install ## install what is locked, then start everything
	@exec $(BIN)/genaiops up $(ARGS)

install: ## fill .venv with what is needed to run
	@$(PYTHON) requirements/install.py core

dev: ## fill .venv with what is needed to develop
	@$(PYTHON) requirements/install.py dev

weights: dev ## fetch the embedded models for the tests that run them
	@GENAIOPS_HOME="$(patsubst %/models,%,$(models))" $(BIN)/genaiops model pull smollm2
	@GENAIOPS_HOME="$(patsubst %/models,%,$(models))" $(BIN)/genaiops model pull minilm
	@GENAIOPS_HOME="$(patsubst %/models,%,$(models))" $(BIN)/genaiops model pull minilm-int8

test: dev ## the default tests, in several processes (JOBS=0: in one); ARGS go to pytest
	@$(BIN)/python -m pytest -m "not slow" -n $(jobs) --dist loadfile --no-loadscope-reorder $(ARGS)

test-slow: dev ## the long tests, and all cases of those that find their own
	@$(BIN)/python -m pytest -m slow -o faulthandler_timeout=600 \
		-n $(or $(JOBS),2) --dist loadfile --no-loadscope-reorder $(ARGS)
	@GENAIOPS_TEST_THOROUGH=1 $(BIN)/python -m pytest -m "(hypothesis or property) and not slow" \
		-o faulthandler_timeout=600 -n $(jobs) --dist loadfile --no-loadscope-reorder $(ARGS)

lint: dev ## style, types, import contracts, house rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --warnings
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest -q tests/house -m "not slow"

format: dev ## put the code into the house style
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

lock: dev ## compile requirements/*.txt from pyproject.toml (UPGRADE=--upgrade takes newer versions)
	$(COMPILE) --group build pyproject.toml --output-file requirements/core.txt
	$(COMPILE) --group dev --constraints requirements/core.txt pyproject.toml --output-file requirements/dev.txt
	$(COMPILE) --no-deps requirements/garak.in --output-file requirements/garak.txt

docs: dev ## build the documentation into site/; a warning is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

docs-serve: dev ## show the documentation while writing it
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

bench: dev ## measure the gateway; ARGS go to the benchmark
	$(BIN)/python -m benchmarks.gateway $(ARGS)

screenshots: dev ## take the console's screenshots anew, into docs/images
	$(BIN)/python -m tests.console.screenshots docs/images

clean: ## remove what was built; data and models stay
	rm -rf build dist site .venv .pytest_cache .ruff_cache .hypothesis .import_linter_cache
