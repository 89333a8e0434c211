# The commands of the project. Everything they install goes into .venv, or is a Debian package that
# is named before it is installed.

BIN := .venv/bin
RUNTIME := .venv/.runtime-installed
DEV := .venv/.dev-installed
ARGS :=

.DEFAULT_GOAL := help
.PHONY: help up demo install check test coverage lint format bench docs lock browser clean

help: ## Say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

up: $(RUNTIME) ## Start everything; ARGS="--port 9000" are flags of `dailies up`
	@exec $(BIN)/dailies up $(ARGS)

demo: $(RUNTIME) ## While it runs: put a short clip in
	@exec $(BIN)/dailies demo $(ARGS)

install: $(RUNTIME) ## Make .venv with what `dailies` needs

# What kills processes or drives a browser waits more than it works: it comes by itself, at the end,
# three at a time.
ALONE := tests/e2e tests/recovery tests/up
TOGETHER := $(filter-out $(ALONE) tests/__pycache__,$(sort $(patsubst %/,%,$(wildcard tests/*/)) \
	$(wildcard tests/test_*.py)))

test: lint browser ## Linters, types, and pytest against real servers and a browser
	$(BIN)/python -m pytest -n 3 --dist loadfile $(TOGETHER) $(ARGS)
	$(BIN)/python -m pytest -n 3 --dist loadfile $(ALONE) $(ARGS)

check: lint audit ## Within a minute: linters, types, audit, and the tests that start no server
	HYPOTHESIS_PROFILE=few $(BIN)/python -m pytest --without-servers -q -n 2 --dist loadfile $(ARGS)

coverage: $(DEV) browser ## Which lines the tests reach, in this process and gunicorn's; takes as long as test
	$(BIN)/python -m pytest -n 3 --dist loadfile --cov --cov-report=term $(TOGETHER) $(ARGS)

lint: $(DEV) ## ruff, mypy, bandit, biome (scripts, styles), djlint (templates)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/biome lint --error-on-warnings
	$(BIN)/djlint --lint --quiet templates
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive tasks webapp -ll -ii

audit: $(DEV) ## Known faults of pinned packages, by pip-audit; says so where nobody can be asked
	$(BIN)/python -m scripts.audit_dependencies

format: $(DEV) ## Write Python, scripts and styles as the linters want them
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/biome lint --write

bench: $(DEV) ## Measure against plain ffmpeg; writes bench/results/latest.json
	$(BIN)/python -m bench $(ARGS)

docs: $(DEV) ## Write what the documentation has from the code: settings, rules
	$(BIN)/python -m scripts.configuration_docs
	$(BIN)/python -m scripts.rule_docs

browser: ## Install Chromium and curl for the tests, where they are missing
	@scripts/bootstrap browser

# Newer versions: change pyproject.toml, then this.
COMPILE := CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --strip-extras \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --allow-unsafe

lock: ## Pin every requirement anew from pyproject.toml
	@test -x $(BIN)/pip-compile || scripts/bootstrap dev
	$(COMPILE) -o requirements.txt pyproject.toml
	$(COMPILE) --extra embedded -c requirements.txt -o requirements-embedded.txt pyproject.toml
	$(COMPILE) --extra embedded --extra dev -c requirements-embedded.txt \
		-o requirements-dev.txt pyproject.toml

clean: ## Remove .venv and caches; data in var stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info

$(RUNTIME): requirements-embedded.txt pyproject.toml scripts/bootstrap
	@scripts/bootstrap runtime
	@touch $@

$(DEV): requirements-dev.txt pyproject.toml scripts/bootstrap
	@scripts/bootstrap dev
	@touch $(RUNTIME) $@
