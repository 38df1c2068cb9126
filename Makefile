# Two commands: `make demo` and `make test`. Each sets everything up in .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready-$(shell cat requirements/dev.txt pyproject.toml | cksum | cut -d' ' -f1)

.PHONY: demo test check setup lock clean
.DEFAULT_GOAL := help

help: ## what can be made
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## create .venv from the hashed lock

$(READY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "tidings needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	@echo "setting up $(VENV) (once; about a minute) ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --progress-bar on --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-build-isolation --no-deps --editable .
	@touch $@

demo: setup ## start everything and send real notifications (ONCE=1: end by itself)
	@exec $(BIN)/tidings demo $(if $(ONCE),--once)

test: setup check ## linters, types, architecture, and all tests on real servers
	@$(BIN)/python -m tests.side_by_side $(ARGS)

check: setup
	@$(BIN)/ruff format --check . && $(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports

lock: ## maintainers: resolve anew (needs uv)
	uv pip compile pyproject.toml --extra registry --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links -o requirements/run.txt
	uv pip compile pyproject.toml --extra registry --extra devstack --extra test \
	  --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-annotate --no-emit-index-url --no-emit-find-links -c requirements/run.txt -o requirements/dev.txt
	grep -v "^python-dateutil" requirements/dev.txt > .venv/bench-constraints.txt  # Celery wants an older one
	uv pip compile pyproject.toml --extra registry --extra devstack --extra bench \
	  --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-annotate --no-emit-index-url --no-emit-find-links -c .venv/bench-constraints.txt -o requirements/bench.txt

clean: ## forget the environment and the data of the dev stack
	rm -rf $(VENV) .tidings
