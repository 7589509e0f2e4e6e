# `make` alone lists what there is to make. Needs nothing but make, a shell and Python 3.11 or later.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
# Stamps: written last, newer than what they were made from. Gone with the environment they speak of.
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev

# Only what the command line of make says: a PORT that happens to be in the environment is not meant for us.
# Unset, the host goes by its settings (by default 127.0.0.1:8080 and ./data).
PORT =
DATA =
ARGS =

UV_VERSION := 0.13.9

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /:/' | while IFS=: read -r target text; do \
	  printf '  make %-14s %s\n' "$$target" "$$text"; done

.PHONY: install
install: $(INSTALLED) ## install Lectern and what it needs into .venv
	@echo "Lectern is installed: $(BIN)/lectern"

.PHONY: install-dev
install-dev: $(INSTALLED_DEV) ## install what tests, linters and benchmarks need as well
	@echo "Lectern and its tools are installed in $(VENV)"

.PHONY: run
run: $(INSTALLED) ## start the host on http://127.0.0.1:8080 (PORT=... DATA=folder)
	@exec $(BIN)/lectern serve $(if $(PORT),--port "$(PORT)") $(if $(DATA),--data-dir "$(DATA)")

.PHONY: test
test: $(INSTALLED_DEV) ## run all tests (ARGS="-k lock" for some)
	@$(BIN)/python -m pytest $(ARGS)

.PHONY: lint
lint: $(INSTALLED_DEV) ## check style, formatting, types and the direction of imports
	@echo "ruff check"
	@$(BIN)/ruff check .
	@echo "ruff format --check"
	@$(BIN)/ruff format --check .
	@echo "mypy"
	@$(BIN)/mypy
	@echo "lint-imports"
	@$(BIN)/lint-imports

.PHONY: servers
servers: $(INSTALLED) ## start Kafka, MongoDB and MinIO on this machine; settings go to .run/servers.env
	@$(BIN)/python -m deploy.servers start

.PHONY: run-distributed
run-distributed: servers ## start one gateway and one of each service over those servers (PORT=...)
	@exec $(BIN)/python -m deploy.run_distributed $(if $(PORT),--port "$(PORT)")

.PHONY: servers-stop
servers-stop: $(INSTALLED) ## stop them; their data stays in .run/
	@$(BIN)/python -m deploy.servers stop

.PHONY: bench
bench: $(INSTALLED_DEV) ## run the benchmarks (ARGS=... for their options)
	@$(BIN)/python benchmarks/run.py $(ARGS)

# In an environment of its own, thrown away afterwards. Versions that are locked already stay unless pyproject.toml rules
# them out; `make lock ARGS=--upgrade` takes the newest of everything.
.PHONY: lock
lock: $(BIN)/python ## lock the versions of all dependencies anew (ARGS=--upgrade for the newest)
	@set -e; scratch=$$(mktemp -d); trap 'rm -rf "$$scratch"' EXIT; trap 'exit 1' HUP INT TERM; \
	echo "making an environment to lock in"; \
	$(BIN)/python -m venv "$$scratch/venv"; \
	"$$scratch/venv/bin/python" -m pip --disable-pip-version-check -q install uv==$(UV_VERSION); \
	compile() { "$$scratch/venv/bin/uv" pip compile -q --universal --generate-hashes --python-version 3.11 \
	  --no-annotate --no-header --no-emit-index-url --no-emit-find-links $(ARGS) "$$@" pyproject.toml; }; \
	echo "locking requirements.lock"; compile --extra build -o requirements.lock; \
	echo "locking requirements-dev.lock"; compile --extra build --extra dev -c requirements.lock -o requirements-dev.lock

.PHONY: clean
clean: ## remove .venv and everything that tools leave behind; data stays
	@rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -path ./data -prune -o -path ./.run -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# An interpreter counts when it runs, is new enough and can make environments: a name on the PATH says none of that.
$(BIN)/python:
	@for python in python3.14 python3.13 python3.12 python3.11 python3; do \
	  if "$$python" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	    echo "making $(VENV) with $$("$$python" -V)"; \
	    exec "$$python" -m venv --clear $(VENV); \
	  fi; \
	done; \
	echo "Lectern needs Python 3.11 or later with its venv and ensurepip modules, and none of python3.14, python3.13," \
	  "python3.12, python3.11 and python3 on the PATH is one. Install it (on Debian and Ubuntu with the package" \
	  "python3-venv) and run make again." >&2; exit 1

# An installation that was interrupted leaves no stamp, and maybe an environment without pip.
$(INSTALLED): requirements.lock pyproject.toml $(BIN)/python
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip --upgrade >/dev/null
	@echo "installing requirements.lock"
	@$(PIP) install --require-hashes -r requirements.lock
	@echo "installing Lectern"
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(INSTALLED_DEV): requirements-dev.lock $(INSTALLED)
	@echo "installing requirements-dev.lock"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@
